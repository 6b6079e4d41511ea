import { MetadataSharing } from './shared-metadata.ts'
import type { TokenKey } from './token-hash.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** How long an answer is used. */
export interface TokenLifetimes {
  readonly ttlMs: number
  /** How much longer it is used while the provider cannot be asked. */
  readonly staleIfErrorMs: number
}

/** An answer of an identity provider, and when it was asked for. */
export interface TokenAnswer {
  readonly metadata: TokenMetadata
  /** When the provider was asked for it, at the earliest. */
  readonly learnedAtMs: number
  /** How many revocations this process had heard of when the provider was asked: see `RevocationMarks`. */
  readonly epoch: number
}

/** What is remembered of a token. */
export interface CachedToken extends TokenAnswer {
  epoch: number
  /** Until then it is used without a second look; then the resolver looks whether to ask again, and sets it anew. */
  restsUntilMs: number
  /** Whether the provider could not be asked when it was last to be. */
  isStale: boolean
  /** The key of the token's other form, if it has one: see `twinOf`. */
  readonly twinKey: TokenKey | undefined
  /** Whether it was used since it last came to the front of those to be forgotten. */
  wasUsed: boolean
}

/** How many used tokens are passed over for one to forget: the work of an eviction stays bounded. */
const maxPassedOver = 16

/** Share of its time after which an answer is asked for again in the background, and over how much more this is spread. */
const refreshAhead = { after: 0.8, spread: 0.1 }

/**
 * Keeps what tokens mean in this process's memory: at most so many of them, by second chance (CLOCK). A hit sets a flag
 * and moves nothing: a strict order of use would take two changes of the map on every request.
 */
export class MemoryTokenCache {
  readonly #tokens = new Map<TokenKey, CachedToken>()
  /** The keys of the tokens that have a twin, by that of the twin: who is told of one by its hash knows not the other. */
  readonly #keysByTwin = new Map<TokenKey, TokenKey>()
  readonly #sharing = new MetadataSharing()
  readonly #lifetimes: TokenLifetimes
  readonly #maxTokens: number
  readonly #random: () => number

  constructor(options: TokenLifetimes & { readonly maxTokens: number; readonly random: () => number }) {
    this.#lifetimes = options
    this.#maxTokens = options.maxTokens
    this.#random = options.random
  }

  get size(): number {
    return this.#tokens.size
  }

  /** How many of them have a twin. */
  get twins(): number {
    return this.#keysByTwin.size
  }

  /** What is remembered, however old it is. */
  get(key: TokenKey): CachedToken | undefined {
    return this.#tokens.get(key)
  }

  /** Keeps an answer for as long as it may be of any use. */
  set(key: TokenKey, { metadata, learnedAtMs, epoch }: TokenAnswer, twinKey?: TokenKey): CachedToken {
    const { ttlMs } = this.#lifetimes
    const share = refreshAhead.after + refreshAhead.spread * this.#random()
    const restsUntilMs = Math.min(metadata.expiresAtMs, learnedAtMs + Math.floor(ttlMs * share))
    const shared = this.#sharing.share(metadata)
    const asked = { metadata: shared, learnedAtMs, epoch }
    const cached = { ...asked, restsUntilMs, isStale: false, twinKey, wasUsed: false }
    this.#tokens.delete(key)
    this.#tokens.set(key, cached)
    if (twinKey !== undefined) this.#keysByTwin.set(twinKey, key)
    if (this.#tokens.size > this.#maxTokens) this.#forgetOne()
    return cached
  }

  delete(key: TokenKey): void {
    const twinKey = this.#tokens.get(key)?.twinKey
    if (twinKey !== undefined) this.#keysByTwin.delete(twinKey)
    this.#tokens.delete(key)
  }

  deleteTwinOf(key: TokenKey): void {
    const twinKey = this.#keysByTwin.get(key)
    if (twinKey !== undefined) this.delete(twinKey)
  }

  /** When the answer is too old to be used unless the provider cannot be asked. */
  freshUntilMs({ metadata, learnedAtMs }: TokenAnswer): number {
    return Math.min(metadata.expiresAtMs, learnedAtMs + this.#lifetimes.ttlMs)
  }

  /** When an answer that others have asked for was learned, by what is left of its time: their clocks play no part. */
  learnedAtMs({ leftMs }: { readonly leftMs: number }, nowMs: number): number {
    const { ttlMs } = this.#lifetimes
    return nowMs - ttlMs + Math.min(leftMs, ttlMs)
  }

  /** Whether an answer is later than another by more than reading the store takes. */
  isLaterAnswer(answer: TokenAnswer, known: TokenAnswer): boolean {
    return answer.learnedAtMs - known.learnedAtMs > this.#lifetimes.ttlMs / 10
  }

  /** When the answer is too old to be used at all. */
  usableUntilMs({ metadata, learnedAtMs }: TokenAnswer): number {
    const { ttlMs, staleIfErrorMs } = this.#lifetimes
    return Math.min(metadata.expiresAtMs, learnedAtMs + ttlMs + staleIfErrorMs)
  }

  /** Forgets the oldest token that was not used lately. A map keeps the order of insertion: set again, a token is new. */
  #forgetOne(): void {
    let passedOver = 0
    for (const [key, cached] of this.#tokens) {
      if (!cached.wasUsed || passedOver === maxPassedOver) {
        this.delete(key)
        return
      }
      this.#tokens.delete(key)
      cached.wasUsed = false
      this.#tokens.set(key, cached)
      passedOver += 1
    }
  }
}
