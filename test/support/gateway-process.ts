import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { endWithParent } from './end-with-parent.ts'
import type { Owner } from './owner.ts'
import { freeLastingPort } from './ports.ts'

const root = new URL('../../', import.meta.url)

/** How much of what a gateway prints is kept, for the message when it dies. */
const keptOutput = 4_000

/** A gateway in a process of its own, as it is run for real: it can be asked, frozen, stopped and killed. */
export class GatewayProcess {
  readonly url: string
  readonly adminUrl: string
  readonly #child: ChildProcess
  #output = ''
  #isToEnd = false

  constructor(child: ChildProcess, { port, adminPort }: { port: number; adminPort: number }) {
    this.url = `http://127.0.0.1:${port}`
    this.adminUrl = `http://127.0.0.1:${adminPort}`
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk).slice(-keptOutput)
      })
  }

  get hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** How it ended although nobody had told it to, with what it printed last; `undefined` while all is well. */
  get unexpectedEnd(): string | undefined {
    if (!this.hasEnded || this.#isToEnd) return undefined
    return `ended with ${this.#child.exitCode ?? this.#child.signalCode}: ${this.#output}`
  }

  /** Waits until it is ready. Rejects with what it printed when it ends before that. */
  async untilReady(): Promise<void> {
    for (let attempt = 0; attempt < 800 && !this.hasEnded; attempt += 1) {
      if (await this.isReady()) return
      await sleep(25)
    }
    await this.end('SIGKILL')
    throw new Error(`a gateway does not start: ${this.#output}`)
  }

  /** Whether it says that it takes requests. */
  isReady(): Promise<boolean> {
    return fetch(`${this.adminUrl}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(
      async (answer) => {
        await answer.arrayBuffer()
        return answer.status === 200
      },
      () => false,
    )
  }

  /** Freezes it: its connections stay open, and it does nothing. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Ends it, in order or as a crash does; gives the exit code, or the signal's name. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string | null> {
    this.#isToEnd = true
    if (!this.hasEnded) {
      const ended = once(this.#child, 'exit')
      this.#child.kill(signal)
      await ended
    }
    return this.#child.exitCode ?? this.#child.signalCode
  }

  /** The sum of a metric's values over the lines that hold all of these labels, such as `script="lease"`. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const answer = await fetch(`${this.adminUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })
    const lines = (await answer.text()).split('\n')
    return lines
      .filter((line) => /^\w+/.exec(line)?.[0] === name && labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }
}

/** Starts `passerelle gateway` with these options of the configuration file on free ports, and waits until it is ready. */
export async function startGatewayProcess(
  owner: Owner,
  options: Readonly<Record<string, unknown>>,
): Promise<GatewayProcess> {
  // Somebody else on this machine may have had the port by the time that the gateway came to it.
  for (let attempt = 0; attempt < 4; attempt += 1)
    try {
      return await startOnce(owner, options)
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('the port is taken'))) throw error
    }
  return await startOnce(owner, options)
}

async function startOnce(owner: Owner, options: Readonly<Record<string, unknown>>): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-gateway-'))
  const [port, adminPort] = [await freeLastingPort(), await freeLastingPort()]
  const file = join(folder, 'gateway.yaml')
  const listening = { listen: `127.0.0.1:${port}`, admin: `127.0.0.1:${adminPort}`, logLevel: 'error' }
  writeFileSync(file, stringify({ ...listening, ...options }))
  const child = spawn(process.execPath, ['cli/passerelle.ts', 'gateway', '--config', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.once('error', () => {})
  endWithParent(child, folder)
  const gateway = new GatewayProcess(child, { port, adminPort })
  owner.teardown(async () => {
    await gateway.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await gateway.untilReady()
  return gateway
}
