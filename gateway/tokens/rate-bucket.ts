import type { Quota } from '../../common/quota.ts'

/**
 * A token bucket of a quota's size that fills at the quota's rate. Of each user only the one time is kept at which it will
 * be full again (the generic cell rate algorithm).
 */
export class RateBucket {
  readonly #intervalMs: number
  readonly #roomMs: number

  /** @param share How much of the quota's size may be taken at once; the rate stays the quota's. */
  constructor({ limit, windowMs }: Quota, share = 1) {
    this.#intervalMs = windowMs / limit
    // A thousandth of a millisecond is the error of adding intervals that are no whole numbers.
    this.#roomMs = Math.max(windowMs * share, this.#intervalMs) + 0.001
  }

  /** How many milliseconds to wait until one more can be taken, beside those that are held and may be charged yet. */
  waitMs(fullAtMs: number, nowMs: number, held = 0): number {
    return Math.max(0, this.charge(fullAtMs, nowMs, held + 1) - nowMs - this.#roomMs)
  }

  /** When the bucket is full again after this much is taken. */
  charge(fullAtMs: number, nowMs: number, cost = 1): number {
    return Math.max(fullAtMs, nowMs) + cost * this.#intervalMs
  }
}
