import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'
import { Calls, pace } from './calls.ts'
import { garbageToken } from './tokens.ts'

/** Requests at a steady rate. */
export interface StormPlan {
  readonly url: string
  readonly perSecond: number
  readonly seconds: number
  /** The token of all requests; garbage, another each time, when there is none. */
  readonly token?: string
}

/** How many requests of a storm were answered with each status; 0 stands for a connection that failed. */
export type StormReport = Readonly<Record<string, number>>

const connections = 64

/** Sends storms from a thread of its own, so that good clients do not wait behind them before they are even sent. */
export class StormThread {
  readonly #worker = new Worker(import.meta.filename)

  async send(plan: StormPlan): Promise<StormReport> {
    const answer = once(this.#worker, 'message')
    this.#worker.postMessage(plan)
    const [report] = await answer
    return report as StormReport
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

async function storm({ url, perSecond, seconds, token }: StormPlan): Promise<StormReport> {
  const calls = new Calls(url, { connections })
  const report: Record<string, number> = {}
  await pace({ perSecond, seconds }, async () => {
    const { status } = await calls.get(token ?? garbageToken())
    report[status] = (report[status] ?? 0) + 1
  })
  await calls.close()
  return report
}

parentPort?.on('message', async (plan: StormPlan) => parentPort?.postMessage(await storm(plan)))
