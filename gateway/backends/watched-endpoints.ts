import type { IdentitySettings } from '../config/settings.ts'
import type { RevocationIntake } from '../revocation-intake.ts'
import type { EndpointWatch } from './endpoint-watch.ts'
import { RevocationEndpointWatch } from './revocation-endpoint-watch.ts'
import { TokenEndpointWatch, type TokenPrefetcher } from './token-endpoint-watch.ts'

interface WatchContext {
  /** What learns of the tokens of an identity provider, by the provider's name. */
  prefetcherOf(name: string): TokenPrefetcher
  readonly intake: RevocationIntake
  /** Hears that a token was revoked on the way through and could not be read. */
  readonly onUnread: () => void
}

/** Who looks on at the identity providers' own endpoints, by their paths on the gateway. */
export function watchEndpoints(
  identities: readonly IdentitySettings[],
  { prefetcherOf, intake, onUnread }: WatchContext,
): ReadonlyMap<string, EndpointWatch> {
  const watches = new Map<string, EndpointWatch>()
  const byTokenEndpoint = Map.groupBy(identities, ({ tokenEndpoint }) => tokenEndpoint)
  for (const [path, providers] of byTokenEndpoint)
    if (path !== undefined)
      watches.set(path, new TokenEndpointWatch(providers.map(({ name }) => prefetcherOf(name))))
  const byRevocationEndpoint = Map.groupBy(identities, ({ revocationEndpoint }) => revocationEndpoint)
  for (const [path, owners] of byRevocationEndpoint)
    if (path !== undefined) {
      const providers = owners.map(({ name }) => name)
      watches.set(path, new RevocationEndpointWatch({ intake, providers, onUnread }))
    }
  return watches
}
