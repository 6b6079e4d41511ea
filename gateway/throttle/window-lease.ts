import type { FixedWindow, LimitPolicy } from '../limit-policy.ts'
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

/** What one policy with a fixed window has in hand. Field names follow `WindowRequest`. */
export class WindowLease extends LeaseNotes implements Lease {
  readonly #pace = new Pace()
  #rule: FixedWindow
  #startMs = 0
  #endMs = 0
  #claim: number
  #used = 0
  /** All that is granted to anybody, as last heard. Limits may differ from one request to the next; this does not. */
  #total = 0
  #askedLimit = 0
  /** In hand until then, by either clock; never past the window's end. */
  #untilMonotonicMs = 0
  #untilWallMs = 0
  /** Not before the window's end. */
  #endsAtMs = 0
  /** The store's clock at monotonic zero, as last heard. */
  #storeOffsetMs = 0
  #lastGrant = 0
  #isExhausted = false
  #askAgainAtMs = 0
  #backOffMs = backOff.firstMs
  #heardOfRoomAtMs = Number.NEGATIVE_INFINITY
  #insured = 0
  #shown = Number.POSITIVE_INFINITY
  #isKnown = false
  #answeredAtMs = Number.NEGATIVE_INFINITY
  /** What others may think is in hand. */
  #reported = 0

  /** @param hasForgotten Whether this process may have known of the window before, and has forgotten. */
  constructor(place: { id: string; bucket: string }, policy: LimitPolicy, hasForgotten: boolean) {
    super(place, policy)
    this.#rule = windowOf(policy)
    this.#claim = hasForgotten ? -1 : 0
  }

  /**
   * Takes another limit of the same window: until old tokens are gone, a client's old and new limit come by turns. What is
   * in hand stays, and is used as far as the limit in force allows.
   */
  adopt(policy: LimitPolicy): void {
    this.policy = policy
    const rule = windowOf(policy)
    if (rule.limit !== this.#rule.limit) this.#shown = Number.POSITIVE_INFINITY
    this.#rule = rule
  }

  isRecent(now: Moment): boolean {
    return this.isKnown() && now.monotonicMs < this.#answeredAtMs + recentMs
  }

  isKnown(): boolean {
    return this.#isKnown
  }

  has(cost: number, now: Moment, isAnswered = false): boolean {
    // What is in hand is granted already: of the limit in force, everything but this hand may be used elsewhere.
    if (this.#hand() < cost || this.#left() + this.#hand() < cost) return false
    const isInTime = now.monotonicMs < this.#untilMonotonicMs && now.wallMs < this.#untilWallMs
    return isInTime || (isAnswered && now.monotonicMs < this.#answeredAtMs + answeredMs)
  }

  fits(cost: number, now: Moment): boolean {
    return cost <= (now.monotonicMs < this.#endsAtMs ? this.#left() + this.#hand() : this.#rule.limit)
  }

  isDenied(cost: number, now: Moment): boolean {
    if (cost > this.#rule.limit) return true
    if (!this.#isExhausted || cost <= this.#left() + this.#hand()) return false
    return now.monotonicMs < this.#askAgainAtMs
  }

  hearOfRoom({ monotonicMs }: Moment): void {
    this.#heardOfRoomAtMs = monotonicMs
    this.#askAgainAtMs = monotonicMs
  }

  spend(cost: number): void {
    this.#used += cost
    this.#pace.count(cost)
  }

  isLow(): boolean {
    return this.#hand() * 4 <= this.#lastGrant && this.#left() > 0 && this.#pace.perSecond > 1
  }

  isHolding(now: Moment): boolean {
    return this.#reported > 0 && now.monotonicMs < this.#endsAtMs
  }

  idleMs(): number {
    return Math.min(30_000, Math.max(2_000, 6_000 / Math.max(0.01, this.#pace.perSecond)))
  }

  knownUntilMs(): number {
    return this.#endsAtMs
  }

  ask({ need, least }: Waiting, now: Moment): LeaseRequest {
    return this.#request(Math.max(need, this.#pace.measure(now.monotonicMs)), { need, least })
  }

  state(mustGiveBack: boolean): LeaseRequest {
    if (mustGiveBack) this.#dropHand()
    return this.#request(0, { need: 0, least: 1 })
  }

  accept(grant: LeaseGrant, { sent, received, storeMs }: CallTimes, { need, least }: Waiting): void {
    if (grant.kind !== 'window') return
    if (grant.continues === 'no') this.#enter(grant.startMs)
    const granted = Math.max(0, grant.granted)
    if (grant.continues === 'forgotten') this.#used = grant.claim - granted
    this.#claim = grant.continues === 'forgotten' ? grant.claim : this.#claim + granted
    this.#startMs = grant.startMs
    this.#endMs = grant.endMs
    this.#total = this.#askedLimit - grant.left
    this.#isKnown = true
    this.mustState = false
    this.#reported = this.#hand()
    if (granted > 0) this.#lastGrant = this.#hand()
    const lastsMs = grant.endMs === 0 ? 0 : Math.max(0, grant.endMs - storeMs)
    // The store's clock was read after the call was sent and before its answer came: counted from the sending the end
    // comes too early, from the receiving too late.
    const margin = 5 + lastsMs / 5_000
    this.#untilMonotonicMs = sent.monotonicMs + lastsMs - margin
    this.#untilWallMs = sent.wallMs + lastsMs - margin
    this.#endsAtMs = received.monotonicMs + lastsMs
    this.#answeredAtMs = received.monotonicMs
    this.#storeOffsetMs = storeMs - sent.monotonicMs
    // Who only states or looks learns nothing of whether there is room: what was known of that stays.
    if (need === 0) return
    this.#isExhausted = grant.granted >= 0 && this.#hand() < least
    if (!this.#isExhausted) this.#backOffMs = backOff.firstMs
    // What came back while the call was under way may be what it has not found.
    else if (this.#heardOfRoomAtMs < sent.monotonicMs) this.#backOff(grant.heldForMs, received.monotonicMs)
  }

  insure(cost: number, share: number, now: Moment): boolean {
    if (now.monotonicMs >= this.#endsAtMs) {
      if (!this.#isKnown) this.#storeOffsetMs = now.wallMs - now.monotonicMs
      this.#isKnown = true
      this.#enter(Math.ceil(now.monotonicMs + this.#storeOffsetMs))
      this.#endMs = this.#startMs + this.#rule.windowMs
      this.#endsAtMs = now.monotonicMs + this.#rule.windowMs
    }
    if (this.#insured + cost > share) return false
    this.#insured += cost
    this.mustState = true
    this.#claim += cost
    this.#used += cost
    this.#shown = Math.min(this.#shown, share - this.#insured)
    return true
  }

  allowance(hasRoom: boolean, now: Moment): Allowance {
    const isRunning = now.monotonicMs < this.#endsAtMs
    // Where no window is running, one would begin now.
    const endMs = isRunning ? this.#endMs : now.monotonicMs + this.#storeOffsetMs + this.#rule.windowMs
    const waitMs = isRunning ? this.#endsAtMs - now.monotonicMs : this.#rule.windowMs
    const left = isRunning ? Math.max(0, this.#left() + this.#hand()) : this.#rule.limit
    if (isRunning) this.#shown = Math.max(0, Math.min(this.#shown, left))
    return {
      policy: this.policy,
      hasRoom,
      remaining: hasRoom ? (isRunning ? this.#shown : left) : 0,
      resetAtS: Math.ceil(endMs / 1_000),
      retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)),
    }
  }

  /** What is left for anybody; below zero where a limit was lowered. */
  #left(): number {
    return this.#rule.limit - this.#total
  }

  #hand(): number {
    return Math.max(0, this.#claim - this.#used)
  }

  #dropHand(): void {
    this.#total -= this.#hand()
    if (this.#claim > this.#used) this.#claim = this.#used
    this.#untilMonotonicMs = 0
  }

  /** Begins another window, of which nothing is known yet. */
  #enter(startMs: number): void {
    this.#startMs = startMs
    this.#claim = 0
    this.#used = 0
    this.#insured = 0
    this.#total = 0
    this.#untilMonotonicMs = 0
    this.#isExhausted = false
    this.#shown = Number.POSITIVE_INFINITY
  }

  /**
   * There was nothing: for good, or, where others may still give something back, until that is heard of. As such a message
   * may be lost, it is asked for again now and then, and once when nobody can hold anything any more.
   */
  #backOff(heldForMs: number, nowMs: number): void {
    const pauseMs = Math.min(this.#backOffMs, heldForMs)
    this.#askAgainAtMs = pauseMs > 0 ? Math.min(this.#endsAtMs, nowMs + pauseMs) : this.#endsAtMs
    this.#backOffMs = Math.min(backOff.longestMs, this.#backOffMs * 4)
  }

  #request(want: number, { need, least }: Waiting): LeaseRequest {
    this.#reported = this.#hand()
    this.#askedLimit = this.#rule.limit
    return {
      kind: 'window',
      id: this.id,
      isShadow: this.policy.isShadow,
      limit: this.#rule.limit,
      windowMs: this.#rule.windowMs,
      ...{ want, need, least },
      startMs: this.#startMs,
      endMs: this.#endMs,
      claim: this.#claim,
      used: this.#used,
      total: this.#endMs === 0 ? 0 : Math.max(0, this.#total),
      ttlMs: Math.min(60_000, Math.max(30_000, 12_000 / Math.max(0.01, this.#pace.perSecond))),
      isAfterLoss: false,
    }
  }
}

/** Pauses between two questions whether others have given something back. */
const backOff = { firstMs: 1_000, longestMs: 30_000 }

function windowOf({ rule }: LimitPolicy): FixedWindow {
  if (rule.algorithm !== 'fixed-window') throw new TypeError('the rule is no fixed window')
  return rule
}
