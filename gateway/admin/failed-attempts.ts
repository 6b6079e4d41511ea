import type { Clock } from '../clock.ts'

/** Attempts with a wrong secret that one address may make in a minute and be told of each. */
const maxAttempts = 10
const windowMs = 60_000

/** Most addresses remembered; beyond it the one that failed first is forgotten. */
const maxAddresses = 1_000

/**
 * Counts wrong secrets by address. What is over the cap is still compared and refused, but no longer told in the log, so
 * that guessing neither fills the log nor locks out the right secret: it is the secret's length that keeps guesses from
 * being right.
 */
export class FailedAttempts {
  readonly #clock: Clock
  readonly #byAddress = new Map<string, { count: number; readonly endsAtMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one; `undefined` while the address is within the cap, else the seconds until it is again. */
  add(address: string): number | undefined {
    const nowMs = this.#clock()
    const known = this.#byAddress.get(address)
    if (known !== undefined && nowMs < known.endsAtMs) {
      known.count += 1
      return known.count > maxAttempts ? Math.ceil((known.endsAtMs - nowMs) / 1_000) : undefined
    }
    this.#byAddress.delete(address)
    if (this.#byAddress.size >= maxAddresses) this.#forgetOldest()
    this.#byAddress.set(address, { count: 1, endsAtMs: nowMs + windowMs })
    return undefined
  }

  #forgetOldest(): void {
    for (const address of this.#byAddress.keys()) {
      this.#byAddress.delete(address)
      return
    }
  }
}
