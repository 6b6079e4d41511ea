import type { TokenMetadata } from './token-metadata.ts'

interface CachedToken {
  readonly metadata: TokenMetadata
  readonly usableUntilMs: number
}

/** Keeps what tokens mean in this process's memory: at most so many of them, those used last. */
export class MemoryTokenCache {
  readonly #tokens = new Map<string, CachedToken>()
  readonly #ttlMs: number
  readonly #maxTokens: number

  constructor({ ttlMs, maxTokens }: { ttlMs: number; maxTokens: number }) {
    this.#ttlMs = ttlMs
    this.#maxTokens = maxTokens
  }

  get size(): number {
    return this.#tokens.size
  }

  get(key: string, nowMs: number): TokenMetadata | undefined {
    const cached = this.#tokens.get(key)
    if (cached === undefined) return undefined
    this.#tokens.delete(key)
    if (nowMs >= cached.usableUntilMs) return undefined
    // A map keeps the order of insertion: set again, the token is the one used last.
    this.#tokens.set(key, cached)
    return cached.metadata
  }

  /** Keeps an answer until the token expires or the answer is too old to be trusted, whichever is first. */
  set(key: string, metadata: TokenMetadata, nowMs: number): void {
    this.#tokens.delete(key)
    this.#tokens.set(key, { metadata, usableUntilMs: Math.min(metadata.expiresAtMs, nowMs + this.#ttlMs) })
    if (this.#tokens.size <= this.#maxTokens) return
    const [oldest] = this.#tokens.keys()
    if (oldest !== undefined) this.#tokens.delete(oldest)
  }
}
