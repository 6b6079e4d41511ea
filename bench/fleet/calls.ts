import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'

/** How a request ended, and how long that took. */
export interface Answer {
  readonly status: number
  readonly ms: number
}

/** Calls one gateway over connections of its own. */
export class Calls {
  readonly #pool: Pool

  constructor(url: string, { connections = 1 } = {}) {
    this.#pool = new Pool(url, { connections, keepAliveTimeout: 600_000 })
  }

  /** Gets a resource with a token. A connection that fails counts as an answer with status 0. */
  async get(token: string): Promise<Answer> {
    const startedAt = performance.now()
    try {
      const { statusCode, body } = await this.#pool.request({
        method: 'GET',
        path: '/api/resource',
        headers: { authorization: `Bearer ${token}` },
      })
      await body.dump()
      return { status: statusCode, ms: performance.now() - startedAt }
    } catch {
      return { status: 0, ms: performance.now() - startedAt }
    }
  }

  /** Asks the token endpoint behind the gateway for a fresh token: of this client, or of another each time. */
  async freshToken(client?: number): Promise<string> {
    const { body } = await this.#pool.request({
      method: 'POST',
      path: client === undefined ? '/oauth/token' : `/oauth/token?client=${client}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    })
    const answer: unknown = await body.json()
    return (answer as { access_token: string }).access_token
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

interface Pace {
  readonly perSecond: number
  readonly seconds: number
}

/** Calls so often a second, however long an answer takes, and resolves with all answers. */
export async function pace<T>(
  { perSecond, seconds }: Pace,
  call: (index: number) => Promise<T>,
): Promise<readonly T[]> {
  const total = Math.round(perSecond * seconds)
  const startedAt = performance.now()
  const answers: Promise<T>[] = []
  while (answers.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond) + 1)
    while (answers.length < due) answers.push(call(answers.length))
    const nextAt = startedAt + (answers.length / perSecond) * 1_000
    await wait(Math.max(1, nextAt - performance.now()))
  }
  return await Promise.all(answers)
}

/** Calls as fast as answers come, so many at once. */
export async function rush(
  { total, atOnce }: { total: number; atOnce: number },
  call: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < total) {
      next += 1
      await call(next - 1)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
