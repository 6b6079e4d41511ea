import type { SharedStore } from '../shared-store.ts'
import type { Lease, Moment } from './lease.ts'
import type { LeaseCalls } from './lease-calls.ts'
import type { LeaseTable } from './lease-table.ts'

interface KeeperContext {
  readonly table: LeaseTable
  readonly calls: LeaseCalls
  readonly store: SharedStore
  readonly now: () => Moment
  /** Calls again and again at an interval, until what it gives is called. */
  readonly every: Every
}

export type Every = (intervalMs: number, call: () => void) => () => void

/** How often the leases are looked after, and how often the store is asked whether it has lost something. */
const tickMs = 250
const lookAroundMs = 60_000

/** How long giving back may take when the process stops. */
const closeMs = 500

/** Most leases that are given back in one tick: what is idle longer can wait for the next. */
const maxGivenBack = 1_000

/** Looks after leases in the background: asks ahead, gives back what lies idle, and what others ask for. */
export class LeaseKeeper {
  readonly #table: LeaseTable
  readonly #calls: LeaseCalls
  readonly #store: SharedStore
  readonly #now: () => Moment
  readonly #kept = new Set<Lease>()
  readonly #stopTicking: () => void
  #lookedAroundMs: number

  constructor({ table, calls, store, now, every }: KeeperContext) {
    this.#table = table
    this.#calls = calls
    this.#store = store
    this.#now = now
    this.#lookedAroundMs = now().monotonicMs
    this.#stopTicking = every(tickMs, () => this.#tick())
    store.onMessage('recall', (id) => {
      const lease = table.byId(id)
      if (lease?.isHolding(now())) this.#giveBack([lease])
    })
    store.onMessage('room', (id) => table.byId(id)?.hearOfRoom(now()))
  }

  /** Takes leases into its care that are about to be asked for. */
  keep(leases: readonly Lease[]): void {
    for (const lease of leases) this.#kept.add(lease)
  }

  /** Asks for more of what is running low, before anybody has to wait for it. */
  renew(leases: readonly Lease[], now: Moment): void {
    for (let i = 0; i < leases.length; i += 1) {
      const lease = leases[i] as Lease
      if (lease.flight !== undefined || !lease.isLow() || !this.#calls.canAsk(lease.bucket, now)) continue
      this.#kept.add(lease)
      // Whoever needs an answer asks for one; what failed ahead of need is nobody's loss.
      this.#calls.ask([lease], 1).catch(() => {})
    }
  }

  /** Gives back what is in hand, as far as that goes in a short time. */
  async close(): Promise<void> {
    this.#stopTicking()
    const held = [...this.#kept].filter((lease) => lease.isHolding(this.#now()))
    await Promise.allSettled(held.map(({ flight }) => flight))
    if (held.length === 0 || !this.#store.isUp) return
    const timeout = new Promise((resolve) => setTimeout(resolve, closeMs).unref())
    await Promise.race([this.#calls.state(held, true).catch(() => {}), timeout])
  }

  #tick(): void {
    const now = this.#now()
    this.#table.sweep(now)
    this.#calls.retry()
    this.#giveBack(this.#idle(now))
    if (now.monotonicMs - this.#lookedAroundMs < lookAroundMs) return
    this.#lookedAroundMs = now.monotonicMs
    this.#calls.lookAround()
  }

  #idle(now: Moment): Lease[] {
    const idle: Lease[] = []
    for (const lease of this.#kept) {
      if (lease.flight !== undefined) continue
      if (!lease.isHolding(now)) this.#kept.delete(lease)
      else if (now.monotonicMs - lease.usedAtMs > lease.idleMs()) idle.push(lease)
      if (idle.length === maxGivenBack) break
    }
    return idle
  }

  #giveBack(leases: readonly Lease[]): void {
    const free = leases.filter(({ flight }) => flight === undefined)
    if (free.length > 0 && this.#store.isUp) this.#calls.state(free, true).catch(() => {})
  }
}
