/** Pauses that grow from the first to the longest, each with a jitter that keeps a fleet from acting in step. */
export class Backoff {
  readonly #firstMs: number
  readonly #longestMs: number
  readonly #random: () => number
  #nextMs: number

  constructor(
    { firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number },
    random: () => number,
  ) {
    this.#firstMs = firstMs
    this.#longestMs = longestMs
    this.#random = random
    this.#nextMs = firstMs
  }

  /** The next pause, in milliseconds: between a half and the whole of the step it stands on. */
  next(): number {
    const pauseMs = this.#nextMs * (0.5 + this.#random() / 2)
    this.#nextMs = Math.min(this.#longestMs, this.#nextMs * 2)
    return pauseMs
  }

  /** Begins anew, once what was waited for has come. */
  reset(): void {
    this.#nextMs = this.#firstMs
  }
}
