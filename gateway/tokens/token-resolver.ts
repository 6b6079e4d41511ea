import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { MemoryTokenCache } from './memory-token-cache.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** Hears how tokens were resolved; supplied by whoever counts it. */
export interface ResolverListener {
  cacheHit(): void
  lookedUp(outcome: 'valid' | 'invalid' | 'failed'): void
  /** Why the provider gave no answer; holds no token. */
  providerFailed(error: unknown): void
}

/** Most look-ups under way at once: beyond it the provider is not pressed further. */
const maxLookUps = 256

/** Finds out what a token means: from the cache, or by one request to the identity provider. */
export class TokenResolver {
  readonly #provider: IdentityProvider
  readonly #cache: MemoryTokenCache
  readonly #clock: Clock
  readonly #listener: ResolverListener
  readonly #underWay = new Map<string, Promise<TokenMetadata>>()
  // The cache's keys say nothing of a token to whoever reads this process's memory without the pepper.
  readonly #pepper: string

  constructor(
    provider: IdentityProvider,
    cache: MemoryTokenCache,
    context: { clock: Clock; listener: ResolverListener },
  ) {
    this.#provider = provider
    this.#cache = cache
    this.#clock = context.clock
    this.#listener = context.listener
    this.#pepper = `${randomBytes(16).toString('base64url')} ${provider.id} `
  }

  /**
   * What the token means: at once when it is cached, else a promise. Throws or rejects with `token-invalid` when the
   * provider says so, and with `identity-unavailable` when nobody can say.
   */
  resolve(token: string): TokenMetadata | Promise<TokenMetadata> {
    const key = hash('sha256', this.#pepper + token, 'base64url')
    const cached = this.#cache.get(key, this.#clock())
    if (cached === undefined) return this.#underWay.get(key) ?? this.#begin(key, token)
    this.#listener.cacheHit()
    return cached
  }

  /** One look-up for each token at a time, however many requests wait for it. */
  #begin(key: string, token: string): Promise<TokenMetadata> {
    if (this.#underWay.size >= maxLookUps) return Promise.reject(identityUnavailable())
    const lookUp = this.#lookUp(key, token).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, lookUp)
    return lookUp
  }

  async #lookUp(key: string, token: string): Promise<TokenMetadata> {
    const metadata = await this.#ask(token)
    const nowMs = this.#clock()
    const isValid = metadata !== undefined && nowMs < metadata.expiresAtMs
    this.#listener.lookedUp(isValid ? 'valid' : 'invalid')
    if (!isValid) throw invalidToken()
    this.#cache.set(key, metadata, nowMs)
    return metadata
  }

  async #ask(token: string): Promise<TokenMetadata | undefined> {
    try {
      return await this.#provider.lookUp(token)
    } catch (error) {
      this.#listener.lookedUp('failed')
      this.#listener.providerFailed(error)
      throw identityUnavailable(error)
    }
  }
}

function invalidToken(): GatewayError {
  return new GatewayError('token-invalid', {
    headers: ['WWW-Authenticate', 'Bearer realm="passerelle", error="invalid_token"'],
  })
}

function identityUnavailable(cause?: unknown): GatewayError {
  return new GatewayError('identity-unavailable', { headers: ['Retry-After', '1'], cause })
}
