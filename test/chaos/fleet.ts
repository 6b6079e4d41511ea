import { Pool } from 'undici'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { startIdentityStub } from '../support/identity-stub.ts'
import type { Owner } from '../support/owner.ts'
import { until } from '../support/until.ts'
import { type CountingBackend, startCountingBackend } from './counting-backend.ts'

export type FailurePolicy = 'strict' | 'insured' | 'open'

/** The route on which nothing is counted, and the token for it. */
export const freeRoute = '/free'
const freeToken = 'token-of-somebody-without-quota'

/** One gateway process of the fleet, from its start to its end. */
export interface Member {
  /** Never used again: the backend counts by it. */
  readonly name: string
  readonly process: GatewayProcess
  readonly pool: Pool
  /** Whether it was told to end, or killed. */
  isGone: boolean
  isPaused: boolean
  /** How often something was done to it: an answer that was lost meanwhile is nobody's fault. */
  touches: number
  /** Calls for leases as it last told them. */
  leaseCalls: number
}

/** A quota of a client of its own, and the token that has it. */
export interface Quota {
  readonly client: string
  readonly limit: number
  readonly windowS: number
}

/** Four gateway processes on one store, before one backend. */
export class Fleet {
  readonly backend: CountingBackend
  /** Everybody that ever was, in order. */
  readonly members: Member[] = []
  readonly #owner: Owner
  readonly #options: Readonly<Record<string, unknown>>
  readonly #tokens: Awaited<ReturnType<typeof startIdentityStub>>['tokens']
  readonly #slots: Member[] = []

  private constructor(
    owner: Owner,
    given: {
      readonly backend: CountingBackend
      readonly identity: Awaited<ReturnType<typeof startIdentityStub>>
      readonly store: unknown
    },
  ) {
    const { backend, identity, store } = given
    const to = backend.url
    const routeOf = (whenStoreFails: FailurePolicy) => ({ to, whenStoreFails })
    this.#owner = owner
    this.backend = backend
    this.#tokens = identity.tokens
    this.#tokens.set(freeToken, { client: 'Free' })
    this.#options = {
      store,
      identity: { verify: identity.verifyUrl },
      tokenCache: { ttl: '1h' },
      routes: {
        '/strict': routeOf('strict'),
        '/insured': routeOf('insured'),
        '/open': routeOf('open'),
        [freeRoute]: { to },
      },
    }
  }

  /** Starts the processes, and waits until each hears of the others. */
  static async start(owner: Owner, store: unknown): Promise<Fleet> {
    const identity = await startIdentityStub()
    owner.teardown(() => identity.close())
    const fleet = new Fleet(owner, { backend: await startCountingBackend(owner), identity, store })
    await Promise.all([0, 1, 2, 3].map((slot) => fleet.#fill(slot)))
    await fleet.untilWhole()
    return fleet
  }

  /** Those that serve now, or would if they were not frozen. */
  get present(): readonly Member[] {
    return this.#slots.filter(({ isGone }) => !isGone)
  }

  at(slot: number): Member {
    return this.#slots[slot] as Member
  }

  addQuota({ client, limit, windowS }: Quota): void {
    this.#tokens.set(tokenOf(client), { client, rateLimit: limit, rateLimitWindow: windowS })
  }

  /** Ends the process of a slot; in its place comes another at once. */
  async replace(slot: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const member = this.at(slot)
    if (member.isGone) return
    await this.#readLeaseCalls(member).catch(() => {})
    member.isGone = true
    member.touches += 1
    await Promise.all([member.process.end(signal).then(() => member.pool.destroy()), this.#fill(slot)])
  }

  /** Freezes the process of a slot for a while. */
  async freeze(slot: number, forMs: number): Promise<void> {
    const member = this.at(slot)
    if (member.isGone) return
    member.isPaused = true
    member.touches += 1
    member.process.pause()
    await new Promise((resolve) => setTimeout(resolve, forMs))
    member.process.resume()
    member.isPaused = false
  }

  /** Waits until everybody uses the store and hears messages. */
  async untilWhole(): Promise<void> {
    const figures = ['passerelle_store_up', 'passerelle_store_listening']
    await until('each gateway uses the store', async () => {
      const values = await Promise.all(
        this.present.flatMap(({ process }) => figures.map((name) => process.metric(name))),
      ).catch(() => [0])
      return values.every((value) => value === 1)
    })
  }

  /** All calls for leases so far. */
  async leaseCalls(): Promise<number> {
    await Promise.all(this.present.map((member) => this.#readLeaseCalls(member).catch(() => {})))
    return this.members.reduce((sum, { leaseCalls }) => sum + leaseCalls, 0)
  }

  /** What is wrong with processes that nothing was done to. */
  unexpectedEnds(): string[] {
    return this.members.flatMap(({ name, process }) => {
      const end = process.unexpectedEnd
      return end === undefined ? [] : [`gateway ${name} ${end}`]
    })
  }

  async #readLeaseCalls(member: Member): Promise<void> {
    const name = 'passerelle_store_commands_total'
    const all = await member.process.metric(name, 'script="lease"')
    member.leaseCalls = all - (await member.process.metric(name, 'script="lease"', 'outcome="refused"'))
  }

  async #fill(slot: number): Promise<void> {
    const process = await startGatewayProcess(this.#owner, this.#options)
    const pool = new Pool(process.url, { connections: 128, headersTimeout: 10_000, bodyTimeout: 10_000 })
    this.#owner.teardown(() => pool.destroy())
    const name = `g${this.members.length + 1}`
    const member = { name, process, pool, isGone: false, isPaused: false, touches: 0, leaseCalls: 0 }
    this.members.push(member)
    this.#slots[slot] = member
  }
}

const tokenOf = (client: string) => `token-of-${client}`

/** An answer of a gateway. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Sends a client's request to one gateway; without a client, one that nobody counts. */
export async function call(member: Member, route: string, client?: string): Promise<Answer> {
  const token = client === undefined ? freeToken : tokenOf(client)
  const { statusCode, headers, body } = await member.pool.request({
    method: 'GET',
    path: `${route}/${member.name}`,
    headers: { authorization: `Bearer ${token}` },
  })
  return { status: statusCode, headers, body: await body.text() }
}
