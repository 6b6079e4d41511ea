import { countedNetwork } from '../../common/client-address.ts'
import type { Clock } from '../clock.ts'
import type { GatewaySettings } from '../config/settings.ts'
import type { SharedStore } from '../shared-store.ts'
import { createProvider, noProvider, type ProviderContext } from './create-provider.ts'
import { LookUpCaps } from './look-up-caps.ts'
import { ProviderBreaker } from './provider-breaker.ts'
import { RedisTokenCache, type SharedCacheListener } from './redis-token-cache.ts'
import type { RevocableProvider } from './revocable-provider.ts'
import { TokenHasher } from './token-hash.ts'
import type { ResolverListener } from './token-look-up.ts'
import { TokenMemory } from './token-memory.ts'
import { TokenResolver } from './token-resolver.ts'
import { type RevocationListener, TokenRevocations } from './token-revocations.ts'

/** What of the settings is about tokens. */
type TokenSettings = Pick<
  GatewaySettings,
  'identities' | 'timeouts' | 'tokenCache' | 'tokenLookUps' | 'revocation'
>

interface TokenServicesContext {
  /** `undefined` where there is one process only. */
  readonly store: SharedStore | undefined
  readonly clock: Clock
  readonly random: () => number
  /** What identity providers are asked with. */
  readonly providers: Pick<ProviderContext, 'dispatcher' | 'listener'>
  /** Hears of one provider's tokens. */
  listenerOf(provider: string): ResolverListener
  readonly listener: RevocationListener & SharedCacheListener
}

/** Everything that says what tokens mean: a resolver for each identity provider, which share all that is remembered. */
export class TokenServices {
  readonly revocations: TokenRevocations
  readonly #resolvers = new Map<string, TokenResolver>()
  readonly #memory: TokenMemory
  readonly #none: TokenResolver

  constructor(settings: TokenSettings, context: TokenServicesContext) {
    const { store, clock, random, listener } = context
    const { tokenCache, revocation, identities, tokenLookUps, timeouts } = settings
    this.#memory = new TokenMemory({ ...tokenCache, ...revocation, random })
    const cache = store && new RedisTokenCache(store, listener)
    const shared = {
      memory: this.#memory,
      shared: cache,
      clock,
    }
    const providers: RevocableProvider[] = []
    const add = (name: string, provider = noProvider, isLocal = false) => {
      const hasher = new TokenHasher({ name, id: provider.id })
      providers.push({ name, hasher, provider, isLocal })
      return new TokenResolver(hasher, {
        ...{ ...shared, provider, isLocal, scope: hasher.scope, negativeTtlMs: tokenCache.negativeTtlMs },
        ...{
          breaker: new ProviderBreaker(),
          caps: new LookUpCaps({ ...tokenLookUps, networkOf: countedNetwork }),
        },
        ...{ listener: context.listenerOf(name) },
      })
    }
    for (const identity of identities) {
      const asking = { ...context.providers, clock, timeoutMs: timeouts.identityMs }
      const provider = createProvider(identity, asking)
      this.#resolvers.set(identity.name, add(identity.name, provider, identity.kind === 'jwt'))
    }
    this.#none = add('none')
    const fleet = store && cache && { store, cache }
    this.revocations = new TokenRevocations({
      ...{ memory: this.#memory, providers, lifetimes: tokenCache, fleet, clock, listener },
      networkOf: countedNetwork,
    })
  }

  get cachedTokens(): number {
    return this.#memory.cache.size
  }

  /** Of the provider with this name; where there is none, of one that lets nobody through. */
  resolverOf(provider: string): TokenResolver {
    return this.#resolvers.get(provider) ?? this.#none
  }

  close(): void {
    this.revocations.close()
  }
}
