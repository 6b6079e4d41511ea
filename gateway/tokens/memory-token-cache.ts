import type { TokenMetadata } from './token-metadata.ts'

interface CachedToken {
  readonly metadata: TokenMetadata
  readonly usableUntilMs: number
  /** Whether it was used since it last came to the front of those to be forgotten. */
  wasUsed: boolean
}

/** How many used tokens are passed over for one to forget: the work of an eviction stays bounded. */
const maxPassedOver = 16

/**
 * Keeps what tokens mean in this process's memory: at most so many of them, by second chance (CLOCK). A hit sets a flag
 * and moves nothing: a strict order of use would take two changes of the map on every request.
 */
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
    if (nowMs < cached.usableUntilMs) {
      cached.wasUsed = true
      return cached.metadata
    }
    this.#tokens.delete(key)
    return undefined
  }

  /** Keeps an answer until the token expires or the answer is too old to be trusted, whichever is first. */
  set(key: string, metadata: TokenMetadata, nowMs: number): void {
    const usableUntilMs = Math.min(metadata.expiresAtMs, nowMs + this.#ttlMs)
    this.#tokens.delete(key)
    this.#tokens.set(key, { metadata, usableUntilMs, wasUsed: false })
    if (this.#tokens.size > this.#maxTokens) this.#forgetOne()
  }

  /** Forgets the oldest token that was not used lately. A map keeps the order of insertion: set again, a token is new. */
  #forgetOne(): void {
    let passedOver = 0
    for (const [key, cached] of this.#tokens) {
      this.#tokens.delete(key)
      if (!cached.wasUsed || passedOver === maxPassedOver) return
      cached.wasUsed = false
      this.#tokens.set(key, cached)
      passedOver += 1
    }
  }
}
