import type { CellRate, LimitPolicy } from '../limit-policy.ts'
import {
  answeredMs,
  type CallTimes,
  type Lease,
  LeaseNotes,
  type Moment,
  recentMs,
  type Waiting,
} from './lease.ts'
import type { LeaseGrant, LeaseRequest } from './lease-store.ts'
import type { Allowance } from './ledger.ts'
import { Pace } from './pace.ts'

/** Longest time for which requests of a rate stay in hand, and the part of the burst that this may cost. */
const maxLeaseUs = 2_000_000
const leasedBurst = 0.1

/**
 * What one policy with a rate has in hand. The store counts what it grants as if it were used at the latest moment at
 * which it may be, and looks for room at the earliest: whatever the order in which processes use it, no stretch of time
 * has more than the burst and what the rate adds. A small burst is not taken in hand at all, but asked for each time.
 */
export class RateLease extends LeaseNotes implements Lease {
  readonly #pace = new Pace()
  #rule: CellRate
  #hand = 0
  #untilMonotonicMs = 0
  #untilWallMs = 0
  /** The theoretical arrival time by the store's clock, and that clock at monotonic zero; 0 when nothing was heard. */
  #arrivalUs = 0
  #storeOffsetUs = 0
  #heardUs = 0
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #insuredUntilMs = 0

  constructor(place: { id: string; bucket: string }, policy: LimitPolicy) {
    super(place, policy)
    this.#rule = rateOf(policy)
  }

  adopt(policy: LimitPolicy): void {
    this.policy = policy
    const rule = rateOf(policy)
    if (rule.burst === this.#rule.burst) return
    if (rule.burst < this.#rule.burst) this.#hand = 0
    this.#rule = rule
  }

  isRecent(now: Moment): boolean {
    return this.isKnown() && now.monotonicMs < this.#answeredAtMs + recentMs
  }

  isKnown(): boolean {
    return this.#arrivalUs > 0
  }

  has(cost: number, now: Moment, isAnswered = false): boolean {
    if (this.#hand < cost) return false
    const isInTime = now.monotonicMs < this.#untilMonotonicMs && now.wallMs < this.#untilWallMs
    return isInTime || (isAnswered && now.monotonicMs < this.#answeredAtMs + answeredMs)
  }

  fits(cost: number, now: Moment): boolean {
    return this.has(cost, now) || this.#waitUs(this.#storeUs(now), cost) === 0
  }

  isDenied(cost: number, now: Moment): boolean {
    // The arrival time only ever moves on: where there was no room as it was last heard, there is none.
    return cost > this.#rule.burst || (this.isKnown() && this.#waitUs(this.#storeUs(now), cost) > 0)
  }

  hearOfRoom(): void {}

  spend(cost: number): void {
    this.#hand -= cost
    this.#pace.count(cost)
  }

  /** Asked for ahead, the rest of what is in hand would be lost. */
  isLow(): boolean {
    return false
  }

  /** What was granted cannot be given back: it is counted as used. */
  isHolding(): boolean {
    return false
  }

  idleMs(): number {
    return Number.POSITIVE_INFINITY
  }

  knownUntilMs(): number {
    return (this.#arrivalUs - this.#storeOffsetUs) / 1_000
  }

  ask({ need, least }: Waiting, now: Moment): LeaseRequest {
    const ahead = Math.floor(this.#rule.burst * leasedBurst)
    const want = Math.max(need, Math.min(ahead, this.#pace.measure(now.monotonicMs)))
    const leaseUs = ahead < 1 ? 0 : Math.min(maxLeaseUs, Math.floor(ahead * this.#intervalUs()))
    return this.#request(want, { need, least }, leaseUs)
  }

  state(): LeaseRequest {
    return this.#request(0, { need: 0, least: 1 }, 0)
  }

  accept(grant: LeaseGrant, { sent, received }: CallTimes, { need }: Waiting): void {
    if (grant.kind !== 'rate') return
    this.#arrivalUs = Math.max(1, grant.arrivalUs)
    // By the receiving, the store's clock seems late, and what it takes until there is room too long: never too short.
    this.#storeOffsetUs = grant.nowUs - received.monotonicMs * 1_000
    this.#heardUs = grant.nowUs
    this.#answeredAtMs = received.monotonicMs
    this.mustState = false
    if (need === 0 || grant.granted <= 0) return
    this.#hand = grant.granted
    const lastsMs = (grant.leaseUs / 1_000) * 0.9998
    this.#untilMonotonicMs = sent.monotonicMs + lastsMs
    this.#untilWallMs = sent.wallMs + lastsMs
  }

  /** The share is of the burst; what the rate adds comes in the same proportion. */
  insure(cost: number, share: number, now: Moment): boolean {
    const intervalMs = (this.#rule.intervalMs * this.#rule.burst) / Math.max(1, share)
    const arrivalMs = Math.max(this.#insuredUntilMs, now.monotonicMs) + cost * intervalMs
    if (arrivalMs > now.monotonicMs + share * intervalMs) return false
    this.#insuredUntilMs = arrivalMs
    if (!this.isKnown()) this.#storeOffsetUs = (now.wallMs - now.monotonicMs) * 1_000
    this.mustState = true
    this.#arrivalUs = Math.max(this.#arrivalUs, this.#storeUs(now)) + cost * this.#intervalUs()
    return true
  }

  allowance(hasRoom: boolean, now: Moment, cost: number): Allowance {
    const nowUs = this.#storeUs(now)
    const untilWholeUs = Math.max(0, this.#arrivalUs - nowUs)
    const room = this.#rule.burst * this.#intervalUs() - untilWholeUs
    const waitUs = hasRoom ? untilWholeUs : this.#waitUs(nowUs, cost)
    const remaining = Math.max(0, Math.floor(room / this.#intervalUs() + 1e-6)) + this.#hand
    return {
      policy: this.policy,
      hasRoom,
      remaining: hasRoom ? Math.min(this.#rule.burst, remaining) : 0,
      resetAtS: Math.ceil((nowUs + untilWholeUs) / 1_000_000),
      retryAfterS: Math.max(1, Math.ceil(waitUs / 1_000_000)),
    }
  }

  #intervalUs(): number {
    return this.#rule.intervalMs * 1_000
  }

  #storeUs(now: Moment): number {
    return Math.floor(now.monotonicMs * 1_000 + this.#storeOffsetUs)
  }

  /** How long until there is room for the cost. */
  #waitUs(nowUs: number, cost: number): number {
    const arrivalUs = Math.max(nowUs, this.#arrivalUs)
    return Math.max(0, arrivalUs + (cost - this.#rule.burst) * this.#intervalUs() - nowUs)
  }

  #request(want: number, { need, least }: Waiting, leaseUs: number): LeaseRequest {
    const intervalUs = this.#intervalUs()
    return {
      ...{ kind: 'rate', id: this.id, isShadow: this.policy.isShadow, burst: this.#rule.burst, intervalUs },
      ...{ want, need, least, arrivalUs: Math.ceil(this.#arrivalUs), heardUs: this.#heardUs, leaseUs },
    }
  }
}

function rateOf({ rule }: LimitPolicy): CellRate {
  if (rule.algorithm !== 'gcra') throw new TypeError('the rule is no rate')
  return rule
}
