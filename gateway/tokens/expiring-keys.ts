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

  add(key: TokenKey, untilMs: number): void {
    this.#untilMs.delete(key)
    this.#untilMs.set(key, untilMs)
    if (this.#untilMs.size <= this.#maxKeys) return
    for (const oldest of this.#untilMs.keys()) {
      this.#untilMs.delete(oldest)
      return
    }
  }

  delete(key: TokenKey): void {
    this.#untilMs.delete(key)
  }
}
