import type { Charge } from '../charge.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { type LimitPolicy, type LimitRule, sizeOf } from '../limit-policy.ts'
import type { Allowance, Ledger, Verdict } from './ledger.ts'

/** What is known of one policy's requests. */
interface Count {
  /** Requests counted in the window; of a rate, those that were not yet made good at `atMs`. */
  used: number
  /** When `used` was last written, in milliseconds since the epoch. */
  atMs: number
  /** When nothing of it matters any more: the window is over, or the whole burst there again. */
  endMs: number
}

/** Most policies that are counted at once. */
const defaultMaxCounts = 500_000

/** Shortest time between two searches for counts that have ended: each looks at all of them. */
const sweepPauseMs = 250

/**
 * How far a rate's count may be over a whole number for rounding's sake. It is no allowance that adds up: the count itself
 * stays as it is. The count is kept in requests, not as a time of arrival, because a time since the epoch leaves no digits
 * for a rate of many requests a millisecond, which would then not be limited at all.
 */
const roundingError = 1e-6

/** Counts in this process's memory: for one gateway process, and lost with it. */
export class MemoryLedger implements Ledger {
  readonly #counts = new Map<string, Count>()
  readonly #clock: Clock
  readonly #maxCounts: number
  #nextSweepMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, maxCounts: number = defaultMaxCounts) {
    this.#clock = clock
    this.#maxCounts = maxCounts
  }

  take({ policies, cost }: Charge): Verdict {
    const nowMs = this.#clock()
    const isAdmitted = this.#haveRoom(policies, cost, nowMs)
    // Before anything is counted: a request is counted against all of its policies or none.
    if (isAdmitted) this.#ensureCounts(policies, nowMs)
    const allowances = policies.map((policy) => {
      const count = this.#counts.get(policy.subject)
      const used = usedAt(count, policy.rule, nowMs) + cost
      if (!fits(used, policy.rule)) return allowanceWithoutRoom(policy, count, { used, nowMs })
      if (isAdmitted && count !== undefined) add(count, policy.rule, { used, nowMs })
      return allowanceWithRoom(policy, count, nowMs)
    })
    return { isAdmitted, allowances }
  }

  peek(policies: readonly LimitPolicy[]): Verdict {
    const nowMs = this.#clock()
    const allowances = policies.map((policy) => {
      const count = this.#counts.get(policy.subject)
      const used = usedAt(count, policy.rule, nowMs) + 1
      return fits(used, policy.rule)
        ? allowanceWithRoom(policy, count, nowMs)
        : allowanceWithoutRoom(policy, count, { used, nowMs })
    })
    return { isAdmitted: this.#haveRoom(policies, 1, nowMs), allowances }
  }

  async read(policies: readonly LimitPolicy[]): Promise<Verdict> {
    return this.peek(policies)
  }

  async close(): Promise<void> {}

  /** Whether the request fits into every policy that is enforced. */
  #haveRoom(policies: readonly LimitPolicy[], cost: number, nowMs: number): boolean {
    for (const { subject, rule, isShadow } of policies) {
      if (isShadow) continue
      if (!fits(usedAt(this.#counts.get(subject), rule, nowMs) + cost, rule)) return false
    }
    return true
  }

  /** Makes the counts that there are not yet; all of them, or none and throws. */
  #ensureCounts(policies: readonly LimitPolicy[], nowMs: number): void {
    const missing = this.#countMissing(policies)
    if (missing === 0) return
    if (this.#counts.size + missing > this.#maxCounts) this.#makeRoom(policies, nowMs)
    for (const { subject } of policies) {
      if (!this.#counts.has(subject)) this.#counts.set(subject, { used: 0, atMs: nowMs, endMs: nowMs })
    }
  }

  #countMissing(policies: readonly LimitPolicy[]): number {
    let missing = 0
    for (const { subject } of policies) if (!this.#counts.has(subject)) missing += 1
    return missing
  }

  /** Forgets what has ended. What is running is never forgotten: its owner would get its quota twice. */
  #makeRoom(policies: readonly LimitPolicy[], nowMs: number): void {
    if (nowMs >= this.#nextSweepMs) {
      this.#nextSweepMs = nowMs + sweepPauseMs
      for (const [subject, count] of this.#counts) {
        if (nowMs >= count.endMs) this.#counts.delete(subject)
      }
    }
    if (this.#counts.size + this.#countMissing(policies) > this.#maxCounts)
      throw new GatewayError('quota-store-full', { headers: ['Retry-After', '60'] })
  }
}

/** Requests that count at this moment. */
function usedAt(count: Count | undefined, rule: LimitRule, nowMs: number): number {
  if (count === undefined) return 0
  if (rule.algorithm === 'fixed-window') return nowMs < count.endMs ? count.used : 0
  return Math.max(0, count.used - Math.max(0, nowMs - count.atMs) / rule.intervalMs)
}

function fits(used: number, rule: LimitRule): boolean {
  return rule.algorithm === 'fixed-window' ? used <= rule.limit : used <= rule.burst + roundingError
}

interface Usage {
  readonly used: number
  readonly nowMs: number
}

function add(count: Count, rule: LimitRule, { used, nowMs }: Usage): void {
  // A clock that is set back makes nothing good a second time.
  count.atMs = Math.max(count.atMs, nowMs)
  // Of a fast rate the end may be less than a millisecond away: it is never rounded to now, which would forget it.
  if (rule.algorithm === 'gcra') count.endMs = count.atMs + Math.max(1, used * rule.intervalMs)
  else if (nowMs >= count.endMs) count.endMs = nowMs + rule.windowMs
  count.used = used
}

function allowanceWithRoom(policy: LimitPolicy, count: Count | undefined, nowMs: number): Allowance {
  const { rule } = policy
  const endMs = endOf(count, rule, nowMs)
  const used = usedAt(count, rule, nowMs)
  return {
    policy,
    hasRoom: true,
    remaining: Math.max(0, Math.floor(sizeOf(rule) - used + roundingError)),
    resetAtS: Math.ceil(endMs / 1_000),
    retryAfterS: wholeSeconds(endMs - nowMs),
  }
}

/** @param usage What would count, had the request found room. */
function allowanceWithoutRoom(policy: LimitPolicy, count: Count | undefined, usage: Usage): Allowance {
  const { rule } = policy
  const { used, nowMs } = usage
  const endMs = endOf(count, rule, nowMs)
  const waitMs = rule.algorithm === 'gcra' ? (used - rule.burst) * rule.intervalMs : endMs - nowMs
  return {
    policy,
    hasRoom: false,
    remaining: 0,
    resetAtS: Math.ceil(endMs / 1_000),
    retryAfterS: wholeSeconds(waitMs),
  }
}

/** When all is there again; of a window that has not begun, when it would be over had it begun now. */
function endOf(count: Count | undefined, rule: LimitRule, nowMs: number): number {
  if (count !== undefined && nowMs < count.endMs) return count.endMs
  return rule.algorithm === 'gcra' ? nowMs : nowMs + rule.windowMs
}

function wholeSeconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1_000))
}
