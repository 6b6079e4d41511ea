import type { Logger } from '../../common/log.ts'
import { nameOf, type RevocationOutbox, type WaitingPush } from '../store/revocation-outbox.ts'
import type { PushOutcome, PushResult } from './tell-gateway.ts'

/** Hears what became of each push; supplied by whoever counts it. */
export interface PushListener {
  /** @param ageMs Time since the change was made. */
  pushed(gateway: string, outcome: PushOutcome, ageMs: number): void
}

export interface CourierMeans {
  /** The gateway's URL, by which the database and the log know it. */
  readonly gateway: string
  readonly outbox: RevocationOutbox
  readonly tell: (push: WaitingPush) => Promise<PushResult>
  readonly listener: PushListener
  readonly log: Logger
  readonly now: () => number
  /** From 0 to 1, for pauses that differ between processes. */
  readonly random: () => number
}

/** How soon a change by another process, such as the command line, is noticed. */
const pollMs = 250

/** What a gateway that answers is told in one go, and of it at a time. */
const batchSize = 64
const callsAtOnce = 8

/** How long nobody else tells a gateway what was claimed for it; after half of it no call is begun. */
const leaseMs = 10_000

/** Pauses of a gateway that cannot be reached double up to the longest; one that needs setting right is asked rarely. */
const pausesMs = { least: 250, most: 15_000, misconfigured: 30_000 } as const

/** What a gateway does not take is tried again after this, doubled each time, until it need not be told any more. */
const refusedPauseMs = { least: 60_000, most: 3_600_000 } as const

/** A failure that goes on is logged again after this. */
const logAgainMs = 60_000

/**
 * Tells one gateway what it is to be told, until it has taken it. Couriers of several processes need not know of one
 * another: what one has claimed the others leave alone for a while, and told twice is as good as once.
 */
export class GatewayCourier {
  readonly #means: CourierMeans
  #failures = 0
  #loggedAtMs = Number.NEGATIVE_INFINITY
  #isWoken = false
  #isStopped = false
  #endPause: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(means: CourierMeans) {
    this.#means = means
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Something is to be told: looks at once, unless the gateway is given a pause. */
  wake(): void {
    this.#isWoken = true
    if (this.#failures === 0) this.#endPause?.()
  }

  /** Stops, and waits for the calls under way; what is left is told by the next process. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#endPause?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#isWoken = false
      const pauseMs = await this.#round().catch((error: unknown) => this.#storeFailed(error))
      if (!this.#isStopped && (!this.#isWoken || this.#failures > 0)) await this.#pause(pauseMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Tells what is due; gives how long to wait until the next time. */
  async #round(): Promise<number> {
    const { outbox, gateway, now } = this.#means
    // Whether it is back is found out with one.
    const count = this.#failures === 0 ? batchSize : 1
    const claimed = await outbox.claim(gateway, { now: now(), leaseMs, count })
    if (claimed.length === 0) return pollMs
    const failure = await this.#tellAll(claimed)
    if (failure === undefined) {
      this.#succeeded()
      return claimed.length < count ? pollMs : 0
    }
    return this.#failed(failure)
  }

  /** Tells several things at a time; the first failure of the gateway ends it, and what is left is given back. */
  async #tellAll(claimed: readonly WaitingPush[]): Promise<PushResult | undefined> {
    const { outbox, now } = this.#means
    const waiting = [...Map.groupBy(claimed, nameOf).values()]
    const done: WaitingPush[] = []
    const untold: WaitingPush[] = []
    let failure: PushResult | undefined
    const lastCallMs = now() + leaseMs / 2
    const mayTell = () => failure === undefined && !this.#isStopped && now() < lastCallMs
    const tellSome = async () => {
      for (let same = waiting.shift(); same !== undefined; same = waiting.shift()) {
        const result = mayTell() ? await this.#tell(same) : undefined
        if (result?.outcome === 'told') done.push(...same)
        else if (result?.outcome === 'refused') await this.#putOffRefused(same, result)
        else {
          failure ??= result
          untold.push(...same)
        }
      }
    }
    await Promise.all(Array.from({ length: callsAtOnce }, tellSome))
    await outbox.done(idsOf(done))
    await outbox.putOff(idsOf(untold), now())
    return failure
  }

  async #tell(same: readonly WaitingPush[]): Promise<PushResult | undefined> {
    const { gateway, tell, listener, now } = this.#means
    const [push] = same
    if (push === undefined) return undefined
    const result = await tell(push)
    listener.pushed(gateway, result.outcome, Math.max(0, now() - push.createdAt))
    return result
  }

  /** To be told this will be of no use for long, but it may be: the gateway may be an older one that is replaced. */
  async #putOffRefused(same: readonly WaitingPush[], { reason }: PushResult): Promise<void> {
    const { outbox, gateway, log, now } = this.#means
    const attempts = Math.max(...same.map((push) => push.attempts))
    const pauseMs = Math.min(refusedPauseMs.least * 2 ** (attempts - 1), refusedPauseMs.most)
    await outbox.putOff(idsOf(same), now() + pauseMs)
    if (this.#mayLog())
      log.error({ gateway, reason }, 'a gateway refuses a revocation: is it of an older version?')
  }

  #succeeded(): void {
    const { gateway, log } = this.#means
    if (this.#failures === 0) return
    log.info({ gateway, failures: this.#failures }, 'the gateway takes revocations again')
    this.#failures = 0
    this.#loggedAtMs = Number.NEGATIVE_INFINITY
  }

  #failed({ outcome, reason }: PushResult): number {
    const { gateway, log, random } = this.#means
    this.#failures += 1
    if (this.#mayLog())
      if (outcome === 'misconfigured')
        log.error({ gateway, reason }, 'a gateway takes no revocations: look at its URL and its secret')
      else log.warn({ gateway, reason }, 'a gateway takes no revocations at the moment')
    const doubled = Math.min(pausesMs.least * 2 ** Math.min(this.#failures - 1, 16), pausesMs.most)
    // Between a half and the whole, so that processes which failed together do not come again together.
    return (outcome === 'misconfigured' ? pausesMs.misconfigured : doubled) * (0.5 + random() / 2)
  }

  /** The database is away: what was claimed is claimed again when the lease is over. */
  #storeFailed(error: unknown): number {
    const { gateway, log } = this.#means
    const reason = error instanceof Error ? error.message : 'unknown'
    if (this.#mayLog()) log.warn({ gateway, reason }, 'what a gateway is to be told cannot be read')
    this.#isWoken = false
    return 4 * pollMs
  }

  #mayLog(): boolean {
    const nowMs = this.#means.now()
    if (nowMs - this.#loggedAtMs < logAgainMs) return false
    this.#loggedAtMs = nowMs
    return true
  }
}

function idsOf(pushes: readonly WaitingPush[]): string[] {
  return pushes.map(({ id }) => id)
}
