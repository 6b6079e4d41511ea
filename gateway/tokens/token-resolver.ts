import type { CachedToken } from './memory-token-cache.ts'
import type { TokenHasher, TokenKey } from './token-hash.ts'
import {
  identityUnavailable,
  invalidToken,
  type LookUpContext,
  lookUpsExceeded,
  TokenLookUp,
} from './token-look-up.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** Most look-ups under way at once, of unknown tokens and of tokens that were good before: more are not begun. */
const maxLookUps = { unknown: 256, known: 256 } as const

/** Finds out what the tokens of one identity provider mean: from memory, from the store, or by asking the provider. */
export class TokenResolver {
  readonly #context: LookUpContext
  readonly #hasher: TokenHasher
  readonly #underWay = { unknown: 0, known: 0 }

  constructor(hasher: TokenHasher, context: LookUpContext) {
    this.#hasher = hasher
    this.#context = context
  }

  /**
   * What the token means: at once when it is cached, else a promise. Throws or rejects with `token-invalid` when the
   * provider says so or the token was revoked, with `token-look-ups-exceeded` when too many unknown tokens came from the
   * address, and with `identity-unavailable` when nobody can say.
   */
  resolve(token: string, address: string): TokenMetadata | Promise<TokenMetadata> {
    const { memory, clock, listener } = this.#context
    const key = this.#hasher.keyOf(token)
    const cached = memory.cache.get(key)
    const nowMs = clock()
    // One number stands for every revocation, loss of messages and lapse of time that there may be.
    if (
      cached !== undefined &&
      nowMs < cached.restsUntilMs &&
      nowMs >= cached.learnedAtMs &&
      cached.epoch === memory.marks.sureEpoch
    ) {
      cached.wasUsed = true
      listener.cacheHit()
      return cached.metadata
    }
    return this.#resolveDoubtful({ key, token, address }, cached, nowMs)
  }

  /**
   * Looks a token up in the background that will be asked for soon: it was just issued. That it was unknown a moment ago
   * is forgotten.
   */
  prefetch(token: string): void {
    const { memory, clock } = this.#context
    const key = this.#hasher.keyOf(token)
    memory.refused.delete(key)
    if (memory.revoked.has(key, clock()) || memory.cache.get(key) !== undefined) return
    this.#inBackground({ key, token, address: undefined }, undefined)
  }

  #resolveDoubtful(
    asked: AskedToken,
    cached: CachedToken | undefined,
    nowMs: number,
  ): TokenMetadata | Promise<TokenMetadata> {
    const { memory, listener } = this.#context
    if (memory.revoked.has(asked.key, nowMs)) {
      listener.resolved('revoked')
      throw invalidToken()
    }
    const known = cached && this.#whatIsLeftOf(asked.key, cached, nowMs)
    if (known !== undefined && this.#isUsable(asked, known, nowMs)) return known.metadata
    if (memory.refused.has(asked.key, nowMs)) {
      listener.resolved('negative')
      throw invalidToken()
    }
    return this.#lookUp(asked, known)
  }

  /** What is cached, unless it can never be used again. */
  #whatIsLeftOf(key: TokenKey, cached: CachedToken, nowMs: number): CachedToken | undefined {
    const { memory, isLocal } = this.#context
    const standing = memory.marks.standingOf(cached, isLocal, nowMs)
    const isOver = nowMs >= memory.cache.usableUntilMs(cached)
    if (!isOver && standing !== 'outdated' && standing !== 'refused') return cached
    memory.cache.delete(key)
    return undefined
  }

  /** Whether what is known can be used as it is; if it is soon to be too old, it is asked for in the background. */
  #isUsable(asked: AskedToken, known: CachedToken, nowMs: number): boolean {
    const { memory, isLocal, listener } = this.#context
    const { marks, cache } = memory
    const isFromTheFuture = nowMs < known.learnedAtMs
    const isInDoubt = marks.standingOf(known, isLocal, nowMs) !== 'sure'
    // In doubt, an answer past its time is used only while nobody can be asked whether its token was revoked.
    if (isFromTheFuture || (isInDoubt && !(known.isStale && marks.isBlind))) return false
    if (!isInDoubt && !marks.isBlind) known.epoch = marks.epoch
    const isResting = nowMs < known.restsUntilMs
    if (!isResting && !known.isStale && nowMs >= cache.freshUntilMs(known)) return false
    known.wasUsed = true
    if (known.isStale) listener.resolved('stale')
    else listener.cacheHit()
    if (!isResting) this.#inBackground(asked, known)
    return true
  }

  #inBackground(asked: AskedToken, known: CachedToken | undefined): void {
    const { memory } = this.#context
    if (memory.underWay.has(asked.key)) return
    // Whoever needs the answer asks again and is told of the failure; the listener has heard of it.
    this.#lookUp(asked, known).catch(() => undefined)
  }

  /**
   * One look-up for each token at a time, however many requests wait for it. Throws at once when too many unknown tokens
   * came from the address.
   */
  #lookUp(asked: AskedToken, known: CachedToken | undefined): Promise<TokenMetadata> {
    const { memory, listener } = this.#context
    const underWay = memory.underWay.get(asked.key)
    if (underWay !== undefined) return underWay.answer
    if (known === undefined && asked.address !== undefined) this.#refuseBeyondCap(asked.address)
    const kind = known === undefined ? 'unknown' : 'known'
    if (this.#underWay[kind] >= maxLookUps[kind]) {
      listener.resolved('capped')
      return Promise.reject(identityUnavailable())
    }
    this.#underWay[kind] += 1
    const lookUp = new TokenLookUp(this.#context, { ...asked, known })
    const answer = lookUp.run().finally(() => {
      this.#underWay[kind] -= 1
      memory.underWay.delete(asked.key)
    })
    memory.underWay.set(asked.key, { answer, outdate: () => lookUp.outdate() })
    return answer
  }

  /** A flood from one address costs nobody anything outside this process: not even the store is asked. */
  #refuseBeyondCap(address: string): void {
    const { caps, clock, listener, isLocal } = this.#context
    const refusal = isLocal ? undefined : caps.refusalOf(address, clock())
    if (refusal === undefined) return
    listener.resolved('capped')
    throw lookUpsExceeded(refusal.retryAfterS)
  }
}

interface AskedToken {
  readonly key: TokenKey
  readonly token: string
  readonly address: string | undefined
}
