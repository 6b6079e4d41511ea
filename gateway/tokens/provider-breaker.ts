/** So many failures in a row, and the provider is left alone for a while. */
const failuresToOpen = 5

/** How long it is left alone; then one look-up tries it. */
const pauseMs = 1_000

/** Keeps look-ups from waiting, each for its timeout, for an identity provider that gives no answers. */
export class ProviderBreaker {
  #failures = 0
  #pausedUntilMs = 0

  /** Whether the provider may be asked now. Once the pause is over, it may by one, and by all once it has answered. */
  mayAsk(nowMs: number): boolean {
    if (this.#failures < failuresToOpen) return true
    // A pause that ends later than it can is the mark of a clock that was set back.
    if (nowMs < this.#pausedUntilMs && this.#pausedUntilMs <= nowMs + pauseMs) return false
    this.#pausedUntilMs = nowMs + pauseMs
    return true
  }

  answered(): void {
    this.#failures = 0
  }

  failed(nowMs: number): void {
    this.#failures += 1
    if (this.#failures >= failuresToOpen) this.#pausedUntilMs = nowMs + pauseMs
  }
}
