/** How far ahead requests are taken in hand: the more, the fewer calls, and the more is stranded when a process dies. */
const aheadMs = 15_000

/** What is taken in hand before anything is known of a client's pace. */
const firstAsk = 8

/** The pace at which a lease is used up, in requests a second; falls and rises within a few calls. */
export class Pace {
  #perSecond = 0
  #used = 0
  #sinceMs = 0

  get perSecond(): number {
    return this.#perSecond
  }

  count(cost: number): void {
    this.#used += cost
  }

  /** How many requests to take in hand from now on. */
  measure(nowMs: number): number {
    if (this.#sinceMs === 0) {
      this.#sinceMs = nowMs
      return firstAsk
    }
    // Less than a second says nothing of the next ten: a burst of a moment would take the whole quota in hand.
    const elapsedMs = Math.max(1_000, nowMs - this.#sinceMs)
    const pace = (this.#used * 1_000) / elapsedMs
    const weight = this.#perSecond === 0 ? 1 : elapsedMs / (elapsedMs + 2_000)
    this.#perSecond += weight * (pace - this.#perSecond)
    this.#used = 0
    this.#sinceMs = nowMs
    const ahead = (this.#perSecond * aheadMs) / 1_000
    return Math.ceil(Math.max(ahead, Math.min(firstAsk, 3 * ahead)))
  }
}
