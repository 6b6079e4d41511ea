import { forgetOldest } from './forget-oldest.ts'

/** How many attempts a key has, in how long, and how many keys are remembered. */
export interface AttemptLimitOptions {
  /** Attempts in a window. */
  readonly max: number
  /** A window begins with a key's first attempt. */
  readonly windowMs: number
  /** Most keys remembered that have attempts left, and as many again that have none. */
  readonly maxKeys: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

interface Counted {
  count: number
  readonly endsAtMs: number
}

/**
 * Counts attempts by key, such as an address, in fixed windows. Its memory is bounded: of more keys than that, the first
 * seen are forgotten. Keys that have used their attempts up are kept apart, so that a flood of new ones does not set them
 * free.
 */
export class AttemptLimit {
  readonly #options: AttemptLimitOptions
  readonly #withAttemptsLeft = new Map<string, Counted>()
  readonly #usedUp = new Map<string, Counted>()

  constructor(options: AttemptLimitOptions) {
    this.#options = options
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#withAttemptsLeft.size + this.#usedUp.size
  }

  /** Counts one; `undefined` while the key is within its limit, else the seconds until it has attempts again. */
  add(key: string): number | undefined {
    const { max, windowMs, now } = this.#options
    const nowMs = now()
    const counted = this.#find(key, nowMs) ?? { count: 0, endsAtMs: nowMs + windowMs }
    counted.count += 1
    if (counted.count === max) this.#put(this.#usedUp, key, counted)
    else if (counted.count === 1) this.#put(this.#withAttemptsLeft, key, counted)
    return counted.count > max ? secondsUntil(counted, nowMs) : undefined
  }

  /** Counts nothing; the seconds until the key has attempts again, `undefined` while it has some. */
  wait(key: string): number | undefined {
    const nowMs = this.#options.now()
    const counted = this.#find(key, nowMs)
    return counted !== undefined && counted.count >= this.#options.max
      ? secondsUntil(counted, nowMs)
      : undefined
  }

  #find(key: string, nowMs: number): Counted | undefined {
    const counted = this.#usedUp.get(key) ?? this.#withAttemptsLeft.get(key)
    if (counted === undefined || nowMs < counted.endsAtMs) return counted
    this.#usedUp.delete(key)
    this.#withAttemptsLeft.delete(key)
    return undefined
  }

  #put(place: Map<string, Counted>, key: string, counted: Counted): void {
    this.#withAttemptsLeft.delete(key)
    place.set(key, counted)
    const { maxKeys } = this.#options
    forgetOldest(place, maxKeys, Math.ceil(maxKeys / 10))
  }
}

function secondsUntil({ endsAtMs }: Counted, nowMs: number): number {
  return Math.ceil((endsAtMs - nowMs) / 1_000)
}
