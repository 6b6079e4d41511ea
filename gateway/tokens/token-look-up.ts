import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { type IdentityProvider, IdentityProviderFailure } from './identity-provider.ts'
import type { LookUpCaps, LookUpPass, LookUpRefusal } from './look-up-caps.ts'
import type { CachedToken, TokenAnswer } from './memory-token-cache.ts'
import type { ProviderBreaker } from './provider-breaker.ts'
import type { RedisTokenCache, SharedToken } from './redis-token-cache.ts'
import type { ProviderTokens } from './revocation-marks.ts'
import type { TokenKey } from './token-hash.ts'
import type { TokenMemory } from './token-memory.ts'
import type { TokenMetadata } from './token-metadata.ts'

/**
 * How a token was resolved, besides from the memory: by what the store held (`shared`); by the provider, as `valid`,
 * `invalid` or without an answer (`failed`); by an answer past its time (`stale`); without asking, because it was refused
 * lately (`negative`), was `revoked`, or because too many look-ups were made (`capped`).
 */
export type LookUpOutcome =
  | 'shared'
  | 'valid'
  | 'invalid'
  | 'failed'
  | 'stale'
  | 'negative'
  | 'revoked'
  | 'capped'

/** Hears how the tokens of one provider were resolved; supplied by whoever counts it. */
export interface ResolverListener {
  cacheHit(): void
  resolved(outcome: LookUpOutcome): void
  /** Why the provider gave no answer; holds no token. */
  providerFailed(error: unknown): void
}

/** What the look-ups of one provider's tokens work with. */
export interface LookUpContext extends ProviderTokens {
  readonly provider: IdentityProvider
  readonly memory: TokenMemory
  /** What all processes know; `undefined` where there is only one. */
  readonly shared: RedisTokenCache | undefined
  readonly caps: LookUpCaps
  readonly breaker: ProviderBreaker
  readonly negativeTtlMs: number
  readonly clock: Clock
  readonly listener: ResolverListener
}

/** What is asked for, and on whose behalf. */
export interface LookUpSubject {
  readonly key: TokenKey
  /** The key of the token's other form, if it has one: see `twinOf`. */
  readonly twinKey: TokenKey | undefined
  readonly token: string
  /** What was remembered of the token, and is too old or in doubt. */
  readonly known: CachedToken | undefined
  /** By which the provider may be asked; whoever has begun the look-up ends it. */
  readonly pass: LookUpPass
}

/** Revocations that are heard during a look-up have it begin anew, so often at most. */
const maxAttempts = 3

/** How long a revocation that is found in the store is remembered; then the store is asked again. */
const foundRevocationMs = 3_600_000

/** After the provider could not be asked for a token, how long its old answer is used before the next attempt. */
const staleRestMs = 1_000

/** Finds out what one token means, when the memory does not say: from the store, else from the provider. */
export class TokenLookUp {
  readonly #context: LookUpContext
  readonly #subject: LookUpSubject
  #known: CachedToken | undefined
  #isOutdated = false

  constructor(context: LookUpContext, subject: LookUpSubject) {
    this.#context = context
    this.#subject = subject
    this.#known = subject.known
  }

  outdate(): void {
    this.#isOutdated = true
  }

  /** Rejects with `token-invalid`, `identity-unavailable` or `token-look-ups-exceeded`. */
  async run(): Promise<TokenMetadata> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const metadata = await this.#attempt()
      if (metadata !== undefined) return metadata
    }
    throw identityUnavailable()
  }

  /** `undefined` when something was heard meanwhile that makes the answer doubtful. */
  async #attempt(): Promise<TokenMetadata | undefined> {
    const { memory, clock } = this.#context
    this.#isOutdated = false
    // The order matters: an answer belongs to the epoch in which it was asked for, never to a later one.
    const { epoch, latestMs } = memory.marks
    const held = await this.#readStore()
    if (this.#isKnownAsRevoked() || held?.revocation === 'revoke') throw this.#revoked()
    if (this.#isOutdated) return undefined
    const found = held && this.#accept(held, epoch)
    if (found !== undefined) return found
    const learnedAtMs = clock()
    const metadata = await this.#ask()
    if (metadata === 'stale') return this.#useStale()
    return this.#settle({ metadata, learnedAtMs, epoch }, { held, latestMs })
  }

  /** What the store holds of the token, where it says of its twin too whether that was revoked. */
  async #readStore(): Promise<SharedToken | undefined> {
    const { shared } = this.#context
    const { key, twinKey } = this.#subject
    if (twinKey === undefined) return shared?.read(key)
    const [held, twin] = await Promise.all([shared?.read(key), shared?.read(twinKey)])
    return twin?.revocation === 'revoke' ? twin : held
  }

  /** Whether this process knows that the token was revoked, in either form: one may have been named by its hash. */
  #isKnownAsRevoked(): boolean {
    const { memory, clock } = this.#context
    const { key, twinKey } = this.#subject
    const nowMs = clock()
    return memory.isRevoked(key, nowMs) || (twinKey !== undefined && memory.isRevoked(twinKey, nowMs))
  }

  /** Takes what the store holds, where that is as good as asking the provider. */
  #accept({ answer, revocation }: SharedToken, epoch: number): TokenMetadata | undefined {
    const { memory, clock, listener, scope } = this.#context
    const { marks, cache } = memory
    const known = this.#known
    if (known !== undefined && this.#isConfirmed(known, revocation)) {
      known.epoch = epoch
      listener.cacheHit()
      return known.metadata
    }
    if (
      known !== undefined &&
      revocation !== '' &&
      marks.standingOf(known, { isLocal: false, scope }, clock()) !== 'sure'
    )
      this.#forgetKnown()
    if (answer === undefined || marks.isBlind || memory.distrusted.has(this.#subject.key, clock()))
      return undefined
    if (!marks.areHeededBy(answer, scope)) return undefined
    const found = { metadata: answer.metadata, learnedAtMs: cache.learnedAtMs(answer, clock()), epoch }
    const isBetter = known === undefined || cache.isLaterAnswer(found, known)
    if (!isBetter || !this.#isGood(found)) return undefined
    listener.resolved('shared')
    return cache.set(this.#subject.key, found, this.#subject.twinKey).metadata
  }

  /** Whether what was in doubt, because messages may have been missed, has not been revoked meanwhile. */
  #isConfirmed(known: CachedToken, revocation: string): boolean {
    const { memory, clock } = this.#context
    const nowMs = clock()
    return (
      revocation === '' &&
      !memory.marks.isBlind &&
      memory.cache.get(this.#subject.key) === known &&
      nowMs < known.restsUntilMs &&
      memory.marks.standingOf(known, this.#context, nowMs) === 'suspect'
    )
  }

  #isGood(found: TokenAnswer): boolean {
    const { memory, clock } = this.#context
    const nowMs = clock()
    const standing = memory.marks.standingOf(found, this.#context, nowMs)
    return nowMs < memory.cache.freshUntilMs(found) && standing === 'sure'
  }

  /** The provider's answer; `stale` when it cannot be had and what is known will do. */
  async #ask(): Promise<TokenMetadata | undefined | 'stale'> {
    const { provider, breaker, clock, listener, isLocal } = this.#context
    // A signature is checked without asking anybody.
    const refusal = isLocal ? undefined : this.#subject.pass.ask(clock())
    if (refusal !== undefined) {
      if (this.#staleAnswer() !== undefined) return 'stale'
      listener.resolved('capped')
      throw capped(refusal)
    }
    let failure: unknown
    // Who checks signatures here has keys in hand, and knows by itself when not to ask for others.
    if (isLocal || breaker.mayAsk(clock())) {
      try {
        const metadata = await provider.lookUp(this.#subject.token)
        breaker.answered()
        return metadata
      } catch (error) {
        failure = error
        // An answer about one token that makes no sense says nothing of the next.
        if (error instanceof IdentityProviderFailure) breaker.failed(clock())
        listener.providerFailed(error)
      }
    }
    if (this.#staleAnswer() !== undefined) return 'stale'
    listener.resolved('failed')
    throw identityUnavailable(failure)
  }

  /** What is known, where it may be used although the provider cannot be asked. */
  #staleAnswer(): CachedToken | undefined {
    const { memory, clock } = this.#context
    const known = this.#known
    const nowMs = clock()
    if (known === undefined || memory.cache.get(this.#subject.key) !== known || this.#isOutdated)
      return undefined
    const standing = memory.marks.standingOf(known, this.#context, nowMs)
    const isUsable = nowMs < memory.cache.usableUntilMs(known) && known.learnedAtMs <= nowMs
    return isUsable && standing !== 'outdated' && standing !== 'refused' ? known : undefined
  }

  #useStale(): TokenMetadata | undefined {
    const { memory, clock, listener } = this.#context
    const known = this.#staleAnswer()
    if (known === undefined) return undefined
    known.isStale = true
    known.restsUntilMs = Math.min(memory.cache.usableUntilMs(known), clock() + staleRestMs)
    listener.resolved('stale')
    return known.metadata
  }

  /** Makes the provider's answer the gateway's, unless a revocation was heard since it was asked for. */
  #settle(
    { metadata, learnedAtMs, epoch }: Omit<TokenAnswer, 'metadata'> & { metadata: TokenMetadata | undefined },
    { held, latestMs }: { held: SharedToken | undefined; latestMs: number },
  ): TokenMetadata | undefined {
    const { memory, shared, clock, listener } = this.#context
    const { key, twinKey } = this.#subject
    const nowMs = clock()
    if (this.#isKnownAsRevoked()) throw this.#revoked()
    if (this.#isOutdated) return undefined
    if (metadata === undefined || nowMs >= metadata.expiresAtMs) {
      if (held?.answer !== undefined) shared?.drop(key).catch(() => undefined)
      throw this.#refused()
    }
    const answer = { metadata, learnedAtMs, epoch }
    const standing = memory.marks.standingOf(answer, this.#context, nowMs)
    if (standing === 'refused') throw this.#refused()
    // What was asked for while messages could be missed may be from before one of them.
    if (standing === 'outdated' || (standing === 'suspect' && !memory.marks.isBlind)) return undefined
    this.#subject.pass.answered(true)
    listener.resolved('valid')
    const cached = memory.cache.set(key, answer, twinKey)
    if (held !== undefined) {
      const leftMs = memory.cache.freshUntilMs(answer) - nowMs
      shared?.fill(key, { metadata, marksUntilMs: latestMs }, { leftMs, revocation: held.revocation })
    }
    return cached.metadata
  }

  #forgetKnown(): void {
    this.#context.memory.cache.delete(this.#subject.key)
    this.#known = undefined
  }

  #revoked(): GatewayError {
    const { memory, clock, listener } = this.#context
    const { key } = this.#subject
    if (!memory.isRevoked(key, clock())) memory.revoke(key, clock() + foundRevocationMs, 'passed-through')
    listener.resolved('revoked')
    return invalidToken()
  }

  #refused(): GatewayError {
    const { memory, clock, listener, negativeTtlMs } = this.#context
    const { key, pass } = this.#subject
    pass.answered(false)
    memory.cache.delete(key)
    if (negativeTtlMs > 0) memory.refused.add(key, clock() + negativeTtlMs)
    listener.resolved('invalid')
    return invalidToken()
  }
}

export function invalidToken(): GatewayError {
  return new GatewayError('token-invalid', {
    headers: ['WWW-Authenticate', 'Bearer realm="passerelle", error="invalid_token"'],
  })
}

function identityUnavailable(cause?: unknown, retryAfterS = 1): GatewayError {
  return new GatewayError('identity-unavailable', { headers: ['Retry-After', String(retryAfterS)], cause })
}

/** What is answered where nobody may be asked: the client is told when the cause is what comes from its address. */
export function capped({ reason, retryAfterS }: LookUpRefusal): GatewayError {
  return reason === 'address'
    ? new GatewayError('token-look-ups-exceeded', { headers: ['Retry-After', String(retryAfterS)] })
    : identityUnavailable(undefined, retryAfterS)
}
