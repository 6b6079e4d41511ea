import type { LimitPolicy, LimitRule } from '../../gateway/limit-policy.ts'

/** What the model says of one policy. */
export interface ModelPart {
  readonly hasRoom: boolean
  readonly left: number
  /** When the window is over, or the whole burst there again. */
  readonly endMs: number
  /** How long it takes until there is room, or until all is there again where there was. */
  readonly waitMs: number
}

interface Admission {
  readonly atMs: number
  readonly cost: number
  /** The limit, or the burst, that it was held against. */
  readonly size: number
}

/** What the model remembers of one policy. */
interface History {
  readonly rule: LimitRule
  readonly admissions: Admission[]
  windowEndMs: number
}

/**
 * A ledger that nobody would run: it keeps every request and works each answer out from all of them, in whole milliseconds.
 * Of a rate it follows the definition of the cell rate algorithm: a theoretical arrival time that each request moves on.
 */
export class LedgerModel {
  readonly #histories = new Map<string, History>()

  take(
    policies: readonly LimitPolicy[],
    cost: number,
    nowMs: number,
  ): { isAdmitted: boolean; parts: ModelPart[] } {
    const fitting = policies.map((policy) => this.#fits(policy, cost, nowMs))
    const isAdmitted = policies.every((policy, index) => policy.isShadow || fitting[index])
    const parts = policies.map((policy, index) => {
      const hasRoom = fitting[index] === true
      if (isAdmitted && hasRoom) this.#count(policy, cost, nowMs)
      return { hasRoom, ...this.#tell(policy, hasRoom ? 0 : cost, nowMs) }
    })
    return { isAdmitted, parts }
  }

  /** Whether no stretch of time between two requests of a rate holds more than its burst and what came free meanwhile. */
  isKept(): boolean {
    return [...this.#histories.values()].every(({ rule, admissions }) => {
      if (rule.algorithm === 'fixed-window') return true
      const burst = Math.max(...admissions.map(({ size }) => size))
      return admissions.every(({ atMs: fromMs }, first) => {
        let admitted = 0
        return admissions.slice(first).every(({ atMs, cost }) => {
          admitted += cost
          return admitted <= burst + (atMs - fromMs) / rule.intervalMs
        })
      })
    })
  }

  #historyOf({ subject, rule }: LimitPolicy): History {
    const history = this.#histories.get(subject) ?? { rule, admissions: [], windowEndMs: 0 }
    this.#histories.set(subject, history)
    return history
  }

  #fits(policy: LimitPolicy, cost: number, nowMs: number): boolean {
    const { rule } = policy
    return rule.algorithm === 'gcra'
      ? this.#arrivalMs(policy, nowMs) + cost * rule.intervalMs <= nowMs + rule.burst * rule.intervalMs
      : this.#usedInWindow(policy, nowMs) + cost <= rule.limit
  }

  #count(policy: LimitPolicy, cost: number, nowMs: number): void {
    const { rule } = policy
    const history = this.#historyOf(policy)
    if (rule.algorithm === 'fixed-window' && nowMs >= history.windowEndMs)
      history.windowEndMs = nowMs + rule.windowMs
    const size = rule.algorithm === 'gcra' ? rule.burst : rule.limit
    history.admissions.push({ atMs: nowMs, cost, size })
  }

  /** @param missing For how much there was no room. */
  #tell(policy: LimitPolicy, missing: number, nowMs: number): Omit<ModelPart, 'hasRoom'> {
    const { rule } = policy
    if (rule.algorithm === 'gcra') {
      const endMs = this.#arrivalMs(policy, nowMs)
      const freeMs = nowMs + rule.burst * rule.intervalMs - endMs
      const waitMs = missing === 0 ? endMs - nowMs : missing * rule.intervalMs - freeMs
      return { left: Math.max(0, Math.floor(freeMs / rule.intervalMs)), endMs, waitMs }
    }
    const { windowEndMs } = this.#historyOf(policy)
    const endMs = nowMs < windowEndMs ? windowEndMs : nowMs + rule.windowMs
    const left = Math.max(0, rule.limit - this.#usedInWindow(policy, nowMs))
    return { left, endMs, waitMs: endMs - nowMs }
  }

  #usedInWindow(policy: LimitPolicy, nowMs: number): number {
    const { rule, admissions, windowEndMs } = this.#historyOf(policy)
    if (rule.algorithm !== 'fixed-window' || nowMs >= windowEndMs) return 0
    const inWindow = admissions.filter(({ atMs }) => atMs >= windowEndMs - rule.windowMs)
    return inWindow.reduce((sum, { cost }) => sum + cost, 0)
  }

  /** The theoretical arrival time, from the first request on. */
  #arrivalMs(policy: LimitPolicy, nowMs: number): number {
    const { rule, admissions } = this.#historyOf(policy)
    if (rule.algorithm !== 'gcra') return nowMs
    const arrivalMs = admissions.reduce(
      (tatMs, { atMs, cost }) => Math.max(tatMs, atMs) + cost * rule.intervalMs,
      0,
    )
    return Math.max(arrivalMs, nowMs)
  }
}
