import type { Charge } from '../charge.ts'
import { GatewayError } from '../errors.ts'
import { type LimitPolicy, sizeOf } from '../limit-policy.ts'
import { type SharedStore, StoreUnavailable } from '../shared-store.ts'
import type { Lease, Moment } from './lease.ts'
import { LeaseCalls } from './lease-calls.ts'
import { type Every, LeaseKeeper } from './lease-keeper.ts'
import type { LeaseStore } from './lease-store.ts'
import { LeaseTable } from './lease-table.ts'
import type { Allowance, Ledger, Verdict } from './ledger.ts'

/** Hears what happened to requests that the store could not count. */
export interface LeaseLedgerListener {
  notCounted(outcome: 'refused' | 'insured' | 'open'): void
}

interface LeaseLedgerContext {
  readonly store: SharedStore
  readonly leaseStore: LeaseStore
  /** The two clocks; the object may be the same each time. */
  readonly now: () => Moment
  readonly listener: LeaseLedgerListener
  readonly maxLeases?: number
  readonly every?: Every
}

const bySystemTimer: Every = (intervalMs, call) => {
  const timer = setInterval(call, intervalMs).unref()
  return () => clearInterval(timer)
}

/** Most policies of which anything is known at once. */
const defaultMaxLeases = 200_000

/** Most requests that wait for one policy, and how often one of them asks again when others were quicker. */
const maxWaiting = 10_000
const maxRounds = 16

/** What all processes together may serve of a limit while the store cannot count. */
const insuredPart = 0.1

/**
 * Counts in the store that all gateway processes share, and hardly ever asks it: each process takes requests in hand
 * before it serves them, so that together they never serve more than the limit. See `lease-script.ts` for the rules that
 * hold this together, and `docs/decisions/` for why.
 */
export class LeaseLedger implements Ledger {
  readonly #table: LeaseTable
  readonly #calls: LeaseCalls
  readonly #keeper: LeaseKeeper
  readonly #buckets: readonly string[]
  readonly #now: () => Moment
  readonly #listener: LeaseLedgerListener

  constructor(context: LeaseLedgerContext) {
    const { store, leaseStore, now, listener, maxLeases = defaultMaxLeases, every = bySystemTimer } = context
    this.#table = new LeaseTable((owner) => store.bucketOf(owner), maxLeases)
    this.#calls = new LeaseCalls(this.#table, { leaseStore, store }, now)
    this.#keeper = new LeaseKeeper({ table: this.#table, calls: this.#calls, store, now, every })
    this.#buckets = store.buckets
    this.#now = now
    this.#listener = listener
  }

  /** Waits until the store grants, within the time: right after it was started empty it does not at once. */
  async open(timeoutMs: number): Promise<void> {
    await Promise.all(this.#buckets.map((bucket) => this.#calls.open(bucket, timeoutMs)))
  }

  take(charge: Charge): Verdict | Promise<Verdict> {
    const now = this.#now()
    const leases = this.#table.of(charge, now)
    const verdict = decide(charge, leases, { now, isAnswered: false })
    if (verdict === undefined) return this.#takeFromStore(charge, leases, now)
    this.#keeper.renew(leases, now)
    return verdict
  }

  peek(policies: readonly LimitPolicy[]): Verdict | undefined {
    const now = this.#now()
    const leases = policies.map((policy) => this.#table.find(policy))
    const allowances = leases.flatMap((lease) => (lease?.isKnown() ? lease.allowance(true, now, 1) : []))
    return allowances.length < policies.length ? undefined : verdictOf(allowances)
  }

  async read(policies: readonly LimitPolicy[]): Promise<Verdict> {
    const leases = policies.map((policy) => this.#table.lease(policy, this.#now()))
    await Promise.allSettled(leases.map(({ flight }) => flight))
    const now = this.#now()
    const asked = leases.filter((lease) => lease.flight === undefined && !lease.isRecent(now))
    // What cannot be asked is told as it was last heard.
    if (asked.length > 0) await this.#calls.state(asked, false).catch(() => {})
    if (!leases.every((lease) => lease.isKnown())) throw quotaUnavailable()
    return verdictOf(leases.map((lease) => lease.allowance(true, this.#now(), 1)))
  }

  close(): Promise<void> {
    return this.#keeper.close()
  }

  #takeFromStore(charge: Charge, leases: readonly Lease[], now: Moment): Verdict | Promise<Verdict> {
    const canAsk = leases.every(({ bucket }) => this.#calls.canAsk(bucket, now))
    return canAsk ? this.#askAndTake(charge, leases) : this.#takeWithoutStore(charge, leases)
  }

  async #askAndTake(charge: Charge, leases: readonly Lease[]): Promise<Verdict> {
    if (leases.some(({ waiters }) => waiters >= maxWaiting)) throw quotaUnavailable()
    for (const lease of leases) {
      lease.waiting += charge.cost
      lease.waiters += 1
    }
    let failure: unknown
    try {
      for (let round = 0; round < maxRounds; round += 1) {
        await this.#askFor(charge, leases)
        const verdict = decide(charge, leases, { now: this.#now(), isAnswered: true })
        if (verdict !== undefined) return verdict
      }
    } catch (error) {
      failure = error
    } finally {
      for (const lease of leases) {
        lease.waiting -= charge.cost
        lease.waiters -= 1
      }
    }
    return this.#takeWithoutStore(charge, leases, failure)
  }

  /**
   * Asks for what is lacking, or, where the request will be refused all the same, only what there is; where somebody has
   * asked already, waits for that answer first.
   */
  #askFor(charge: Charge, leases: readonly Lease[]): Promise<void> {
    const now = this.#now()
    const { cost } = charge
    const isInVain = isRefused(charge, leases, now)
    const lacking = isInVain
      ? leases.filter((lease) => !lease.isKnown())
      : leases.filter((lease) => !lease.has(cost, now) && !lease.isDenied(cost, now))
    const flight = lacking.find((lease) => lease.flight !== undefined)?.flight
    if (flight !== undefined) return flight
    if (isInVain) return this.#calls.state(lacking, false)
    this.#keeper.keep(lacking)
    return this.#calls.ask(lacking, cost)
  }

  /** What becomes of a request that nobody can count now. Requests in hand are spent first, wherever there are any. */
  #takeWithoutStore(charge: Charge, leases: readonly Lease[], failure?: unknown): Verdict {
    const now = this.#now()
    const decided = decide(charge, leases, { now, isAnswered: false })
    if (decided !== undefined) return decided
    if (isRefused(charge, leases, now)) return refuse(leases, charge.cost, now)
    // What is in shadow holds nobody up, and is not told where it could not be counted.
    const enforced = leases.filter((_, index) => charge.policies[index]?.isShadow !== true)
    if (enforced.every((lease) => lease.has(charge.cost, now))) return spendAll(enforced, charge.cost, now)
    if (charge.whenStoreFails === 'open') {
      this.#listener.notCounted('open')
      return { isAdmitted: true, allowances: [] }
    }
    if (charge.whenStoreFails === 'strict' || !this.#insure(charge, leases, now)) {
      this.#listener.notCounted('refused')
      throw quotaUnavailable(failure instanceof StoreUnavailable ? undefined : failure)
    }
    this.#listener.notCounted('insured')
    const counted = leases.filter((lease) => lease.isKnown())
    return { isAdmitted: true, allowances: counted.map((lease) => lease.allowance(true, now, charge.cost)) }
  }

  /**
   * Takes from this process's share of what all may serve uncounted. A process that nobody knows of has none, and neither
   * has one that does not know the others yet: it could only take the share of all.
   */
  #insure({ policies, cost }: Charge, leases: readonly Lease[], now: Moment): boolean {
    const processes = this.#calls.fleetSize
    if (processes === undefined) return false
    for (const [index, lease] of leases.entries()) {
      if (policies[index]?.isShadow === true) continue
      if (lease.has(cost, now)) {
        lease.spend(cost)
        continue
      }
      const share = Math.floor((sizeOf(lease.policy.rule) * insuredPart) / processes)
      if (!this.#calls.hasContact(lease.bucket) || !lease.insure(cost, share, now)) return false
    }
    return true
  }
}

interface Deciding {
  readonly now: Moment
  /** Whether the store has just answered this request. */
  readonly isAnswered: boolean
}

/** Decides from what is in hand; `undefined` where the store must be asked. Nothing is spent unless all have room. */
function decide(
  { policies, cost }: Charge,
  leases: readonly Lease[],
  { now, isAnswered }: Deciding,
): Verdict | undefined {
  let isRefusal = false
  let isWanting = false
  let isUnknown = false
  for (let i = 0; i < leases.length; i += 1) {
    const lease = leases[i] as Lease
    const policy = policies[i] as LimitPolicy
    if (lease.policy !== policy) lease.adopt(policy)
    lease.usedAtMs = now.monotonicMs
    if (lease.has(cost, now, isAnswered)) continue
    if (!lease.isKnown()) isUnknown = true
    if (!lease.isDenied(cost, now)) isWanting = true
    else if (!policy.isShadow) isRefusal = true
  }
  if (isRefusal ? isUnknown : isWanting) return undefined
  if (isRefusal) return refuse(leases, cost, now)
  // Of its full length at once: one that grows takes room for 17.
  const allowances = new Array<Allowance>(leases.length)
  for (let i = 0; i < leases.length; i += 1) {
    const lease = leases[i] as Lease
    const hasRoom = lease.has(cost, now, isAnswered)
    if (hasRoom) lease.spend(cost)
    allowances[i] = lease.allowance(hasRoom, now, cost)
  }
  return { isAdmitted: true, allowances }
}

function spendAll(leases: readonly Lease[], cost: number, now: Moment): Verdict {
  for (const lease of leases) lease.spend(cost)
  return { isAdmitted: true, allowances: leases.map((lease) => lease.allowance(true, now, cost)) }
}

function isRefused({ policies, cost }: Charge, leases: readonly Lease[], now: Moment): boolean {
  return leases.some(
    (lease, index) =>
      policies[index]?.isShadow !== true && !lease.has(cost, now) && lease.isDenied(cost, now),
  )
}

/** Nothing is spent. What the store has never said anything of is left out. */
function refuse(leases: readonly Lease[], cost: number, now: Moment): Verdict {
  const known = leases.filter((lease) => lease.isKnown())
  const allowances = known.map((lease) =>
    lease.allowance(!lease.isDenied(cost, now) && lease.fits(cost, now), now, cost),
  )
  return { isAdmitted: false, allowances }
}

/** A verdict that was asked for without a request. */
function verdictOf(allowances: readonly Allowance[]): Verdict {
  const shown = allowances.map((allowance) => ({ ...allowance, hasRoom: allowance.remaining > 0 }))
  return { isAdmitted: shown.every(({ policy, hasRoom }) => policy.isShadow || hasRoom), allowances: shown }
}

function quotaUnavailable(cause?: unknown): GatewayError {
  return new GatewayError('quota-unavailable', { headers: ['Retry-After', '1'], cause })
}
