import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import type { IdentitySettings } from '../config/settings.ts'
import { type IdentityProvider, IdentityProviderFailure, type RefusalListener } from './identity-provider.ts'
import { IntrospectionProvider } from './introspection-provider.ts'
import { JwtProvider } from './jwt-provider.ts'
import type { KeySetListener } from './key-set.ts'
import { VerifTokenProvider } from './verif-token-provider.ts'

/** What identity providers are asked with. */
export interface ProviderContext {
  readonly dispatcher: Dispatcher
  readonly timeoutMs: number
  readonly clock: Clock
  readonly listener: RefusalListener & KeySetListener
}

/** The identity provider that the settings describe. */
export function createProvider(identity: IdentitySettings, context: ProviderContext): IdentityProvider {
  const { clock, listener, ...connection } = context
  switch (identity.kind) {
    case 'verify':
      return new VerifTokenProvider(identity, connection, clock)
    case 'introspect':
      return new IntrospectionProvider(identity, connection, listener)
    case 'jwt':
      return withKeys(new JwtProvider(identity, { connection, clock, listener }))
    default:
      return identity satisfies never
  }
}

/** The first token need not wait for the keys. */
function withKeys(provider: JwtProvider): JwtProvider {
  provider.prefetchKeys()
  return provider
}

/** Stands where a route needs no identity provider, and lets nobody through. */
export const noProvider: IdentityProvider = {
  id: 'none',
  lookUp: () => Promise.reject(new IdentityProviderFailure('no identity provider is configured')),
}
