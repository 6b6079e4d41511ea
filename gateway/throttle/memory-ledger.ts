import type { Charge } from '../charge.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { CellRate, FixedWindow, LimitPolicy } from '../limit-policy.ts'
import type { Allowance, Ledger, Verdict } from './ledger.ts'

/** What is known of one policy's requests: the end of the running window, or the theoretical arrival time. */
interface Count {
  /** When nothing of it matters any more, in milliseconds since the epoch. */
  endMs: number
  /** Requests counted in the window; unused where a rate is held. */
  used: number
}

/** Most policies that are counted at once. */
const defaultMaxCounts = 500_000

/** Counts in this process's memory: for one gateway process, and lost with it. */
export class MemoryLedger implements Ledger {
  readonly #counts = new Map<string, Count>()
  readonly #clock: Clock
  readonly #maxCounts: number

  constructor(clock: Clock, maxCounts: number = defaultMaxCounts) {
    this.#clock = clock
    this.#maxCounts = maxCounts
  }

  take({ policies, cost }: Charge): Verdict {
    const nowMs = this.#clock()
    const isAdmitted = policies.every(
      (policy) => policy.isShadow || hasRoom(this.#find(policy, nowMs), policy, { cost, nowMs }),
    )
    const allowances = policies.map((policy) => {
      const count = this.#find(policy, nowMs)
      const fits = hasRoom(count, policy, { cost, nowMs })
      if (!isAdmitted || !fits) return allowance(count, policy, { nowMs, cost, hasRoom: fits })
      const counted = this.#count(policy, nowMs, cost)
      return allowance(counted, policy, { nowMs, cost: 0, hasRoom: true })
    })
    return { isAdmitted, allowances }
  }

  peek(policies: readonly LimitPolicy[]): Verdict {
    const nowMs = this.#clock()
    const allowances = policies.map((policy) => {
      const count = this.#find(policy, nowMs)
      return allowance(count, policy, { nowMs, cost: 1, hasRoom: hasRoom(count, policy, { cost: 1, nowMs }) })
    })
    return { isAdmitted: allowances.every(({ policy, hasRoom }) => policy.isShadow || hasRoom), allowances }
  }

  async read(policies: readonly LimitPolicy[]): Promise<Verdict> {
    return this.peek(policies)
  }

  async close(): Promise<void> {}

  /** The policy's count; a fresh one, not yet kept, where none is running. */
  #find({ subject, rule }: LimitPolicy, nowMs: number): Count {
    const count = this.#counts.get(subject)
    if (count !== undefined && nowMs < count.endMs) return count
    return { endMs: rule.algorithm === 'gcra' ? nowMs : nowMs + rule.windowMs, used: 0 }
  }

  #count(policy: LimitPolicy, nowMs: number, cost: number): Count {
    const count = this.#find(policy, nowMs)
    count.used += cost
    if (policy.rule.algorithm === 'gcra') count.endMs += cost * policy.rule.intervalMs
    if (this.#counts.get(policy.subject) !== count) this.#keep(policy.subject, count, nowMs)
    return count
  }

  #keep(subject: string, count: Count, nowMs: number): void {
    if (this.#counts.size >= this.#maxCounts) this.#makeRoom(subject, nowMs)
    this.#counts.set(subject, count)
  }

  /** Forgets what has ended. What is running is never forgotten: its owner would get its quota twice. */
  #makeRoom(subject: string, nowMs: number): void {
    for (const [key, count] of this.#counts) {
      if (nowMs >= count.endMs) this.#counts.delete(key)
    }
    if (this.#counts.size >= this.#maxCounts && !this.#counts.has(subject)) {
      throw new GatewayError('quota-store-full', { headers: ['Retry-After', '60'] })
    }
  }
}

interface Moment {
  readonly nowMs: number
  readonly cost: number
}

function hasRoom(count: Count, { rule }: LimitPolicy, { cost, nowMs }: Moment): boolean {
  return rule.algorithm === 'gcra'
    ? count.endMs + cost * rule.intervalMs <= nowMs + rule.burst * rule.intervalMs
    : count.used + cost <= rule.limit
}

/** @param moment The cost for which room is waited for, or 0. */
function allowance(count: Count, policy: LimitPolicy, moment: Moment & { hasRoom: boolean }): Allowance {
  const { rule } = policy
  const { hasRoom, nowMs } = moment
  const left = rule.algorithm === 'gcra' ? leftOfBurst(count, rule, nowMs) : leftOfWindow(count, rule)
  const waitMs = rule.algorithm === 'gcra' ? waitFor(count, rule, moment) : count.endMs - nowMs
  return {
    policy,
    hasRoom,
    remaining: hasRoom ? left : 0,
    resetAtS: Math.ceil(count.endMs / 1_000),
    retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)),
  }
}

function leftOfWindow(count: Count, { limit }: FixedWindow): number {
  return Math.max(0, limit - count.used)
}

function leftOfBurst(count: Count, { burst, intervalMs }: CellRate, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs + burst * intervalMs - count.endMs) / intervalMs))
}

function waitFor(count: Count, { burst, intervalMs }: CellRate, { nowMs, cost }: Moment): number {
  return count.endMs + Math.max(1, cost) * intervalMs - (nowMs + burst * intervalMs)
}
