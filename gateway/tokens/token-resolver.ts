import type { CachedToken } from './memory-token-cache.ts'
import type { TokenHasher, TokenKey } from './token-hash.ts'
import { capped, invalidToken, type LookUpContext, TokenLookUp } from './token-look-up.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** Finds out what the tokens of one identity provider mean: from memory, from the store, or by asking the provider. */
export class TokenResolver {
  readonly #context: LookUpContext
  readonly #hasher: TokenHasher

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
    if (memory.isRevoked(key, clock()) || memory.cache.get(key) !== undefined) return
    this.#inBackground({ key, token, address: undefined }, undefined)
  }

  #resolveDoubtful(
    asked: AskedToken,
    cached: CachedToken | undefined,
    nowMs: number,
  ): TokenMetadata | Promise<TokenMetadata> {
    const { memory, listener } = this.#context
    if (memory.isRevoked(asked.key, nowMs)) {
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
    const { memory } = this.#context
    const standing = memory.marks.standingOf(cached, this.#context, nowMs)
    const isOver = nowMs >= memory.cache.usableUntilMs(cached)
    if (!isOver && standing !== 'outdated' && standing !== 'refused') return cached
    memory.cache.delete(key)
    return undefined
  }

  /** Whether what is known can be used as it is; if it is soon to be too old, it is asked for in the background. */
  #isUsable(asked: AskedToken, known: CachedToken, nowMs: number): boolean {
    const { memory, listener } = this.#context
    const { marks, cache } = memory
    const isFromTheFuture = nowMs < known.learnedAtMs
    const isInDoubt = marks.standingOf(known, this.#context, nowMs) !== 'sure'
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
    if (this.#context.memory.underWay.has(asked.key)) return
    // Whoever needs the answer asks again and is told of the failure; the listener has heard of it.
    const lookUp = async () => await this.#lookUp(asked, known)
    lookUp().catch(() => undefined)
  }

  /** One look-up for each token at a time, however many requests wait for it. Throws at once when it must not be begun. */
  #lookUp({ key, token, address }: AskedToken, known: CachedToken | undefined): Promise<TokenMetadata> {
    const { memory, shared, caps, clock, listener } = this.#context
    const underWay = memory.underWay.get(key)
    if (underWay !== undefined) return underWay.answer
    const origin = { address: known === undefined ? address : undefined, isStoreUp: shared?.isUp ?? false }
    const pass = caps.begin(origin, clock())
    if ('reason' in pass) {
      listener.resolved('capped')
      throw capped(pass)
    }
    const twinKey = this.#hasher.twinKeyOf(token)
    const lookUp = new TokenLookUp(this.#context, { key, twinKey, token, known, pass })
    const answer = lookUp.run().finally(() => {
      pass.end(clock())
      memory.underWay.delete(key)
    })
    memory.underWay.set(key, { answer, outdate: () => lookUp.outdate() })
    return answer
  }
}

interface AskedToken {
  readonly key: TokenKey
  readonly token: string
  readonly address: string | undefined
}
