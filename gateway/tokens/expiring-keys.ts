import { forgetOldest } from '../../common/forget-oldest.ts'
import type { TokenKey } from './token-hash.ts'

/** A bounded set of tokens, each until a time of its own; beyond the bound the oldest is forgotten. */
export class ExpiringKeys {
  readonly #untilMs = new Map<TokenKey, number>()
  readonly #maxKeys: number

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#untilMs.size
  }

  has(key: TokenKey, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (nowMs < untilMs) return true
    this.#untilMs.delete(key)
    return false
  }

  /** Of two times for one token the later counts. */
  add(key: TokenKey, untilMs: number): void {
    const known = this.#untilMs.get(key) ?? untilMs
    this.#untilMs.delete(key)
    this.#untilMs.set(key, Math.max(known, untilMs))
    forgetOldest(this.#untilMs, this.#maxKeys)
  }

  delete(key: TokenKey): void {
    this.#untilMs.delete(key)
  }
}
