import type { EventTransmitter, IdentitySettings } from '../config/settings.ts'

/** Of which identity providers the tokens of an issuer's users are: `all`, or those of these names. */
export type IssuerProviders = 'all' | readonly string[]

/** Finds the providers of an issuer; `undefined` for one that the configuration does not know. */
export type ProvidersOf = (issuer: string) => IssuerProviders | undefined

/**
 * Knows the issuers of JWT providers and of transmitters. A provider that is asked about tokens does not say which issuer
 * it is: it may be any that is known, and is meant besides. That costs it a question, and leaving it out a revocation.
 */
export function knownIssuers(
  identities: readonly IdentitySettings[],
  transmitters: readonly EventTransmitter[],
): ProvidersOf {
  const known = new Set(transmitters.map(({ issuer }) => issuer))
  for (const identity of identities) if (identity.kind === 'jwt') known.add(identity.issuer)
  return (issuer) => {
    if (!known.has(issuer)) return undefined
    const meant = identities.filter((identity) => identity.kind !== 'jwt' || identity.issuer === issuer)
    if (meant.length === 0) return undefined
    return meant.length === identities.length ? 'all' : meant.map(({ name }) => name)
  }
}
