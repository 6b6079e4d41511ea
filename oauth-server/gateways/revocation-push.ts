import { Agent } from 'undici'
import type { Logger } from '../../common/log.ts'
import type { GatewayTarget } from '../config/gateway-options.ts'
import { RevocationOutbox } from '../store/revocation-outbox.ts'
import type { Database } from '../store/tables.ts'
import { GatewayCourier, type PushListener } from './gateway-courier.ts'
import { tellGateway } from './tell-gateway.ts'

export interface PushMeans {
  readonly db: Database
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  readonly listener: PushListener
}

/** How often the database is told that the gateways are still named. */
const registerAgainMs = 3_600_000

/** Most connections to one gateway. */
const maxConnections = 8

/** Tells the gateways of revocations and changes, at least once each, as soon as they are made. */
export class RevocationPush {
  readonly #means: PushMeans
  readonly #outbox: RevocationOutbox
  readonly #agent = new Agent({ connections: maxConnections, connect: { timeout: 2_000 } })
  readonly #couriers = new Map<string, GatewayCourier>()
  #timer: NodeJS.Timeout | undefined

  constructor(means: PushMeans) {
    this.#means = means
    this.#outbox = new RevocationOutbox(means.db)
  }

  /** Tells these gateways from now on, and what they were to be told before. Rejects when the database is away. */
  async pushTo(gateways: readonly GatewayTarget[]): Promise<void> {
    for (const gateway of gateways) {
      if (this.#couriers.has(gateway.url)) continue
      await this.#outbox.register(gateway.url, this.#means.now())
      const courier = new GatewayCourier({
        ...this.#means,
        gateway: gateway.url,
        outbox: this.#outbox,
        tell: (push) => tellGateway(gateway, push, this.#agent),
      })
      this.#couriers.set(gateway.url, courier)
      courier.start()
    }
    this.#timer ??= setInterval(() => void this.#registerAgain(), registerAgainMs).unref()
  }

  /** A change was made: tells of it now, rather than when it is noticed. */
  wake(): void {
    for (const courier of this.#couriers.values()) courier.wake()
  }

  /** How many pushes each gateway is waiting for. */
  countWaiting(): Promise<ReadonlyMap<string, number>> {
    return this.#outbox.countWaiting()
  }

  /** Stops, and waits for the calls under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#couriers.values()].map((courier) => courier.stop()))
    await this.#agent.destroy()
  }

  async #registerAgain(): Promise<void> {
    const { now, log } = this.#means
    try {
      for (const gateway of this.#couriers.keys()) await this.#outbox.register(gateway, now())
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      log.warn({ reason }, 'the gateways were not noted as still there')
    }
  }
}
