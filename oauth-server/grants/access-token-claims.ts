import type { JWTPayload } from 'jose'
import type { RandomSource } from '../credentials.ts'
import type { Entitlement } from '../store/client.ts'

/** The user that a token acts for. */
export interface TokenUser {
  readonly id: string
  /** What the user may see. */
  readonly entitlements: readonly string[]
}

/** What is to be said of a token. Times are milliseconds since the epoch. */
export interface AccessTokenFacts {
  readonly issuer: string
  readonly client: { readonly id: string; readonly granted: Entitlement }
  /** `null` for a client's own token. */
  readonly user: TokenUser | null
  readonly scope: readonly string[]
  /** None means any. */
  readonly audience: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * The claims of a JWT access token (RFC 9068 §2.2), and the quota under the names that introspection has for it. A token
 * for no resource in particular names this server: the RFC asks for an audience. Names of people are not in it, because
 * whoever has the token can read it.
 */
export function accessTokenClaims(facts: AccessTokenFacts, random: RandomSource): JWTPayload {
  const { issuer, client, user, scope, audience } = facts
  const [only = issuer, ...others] = audience
  return {
    iss: issuer,
    aud: others.length === 0 ? only : [...audience],
    sub: user?.id ?? client.id,
    client_id: client.id,
    // Rounded down like introspection's, so that both tell the same end and neither a later one.
    iat: Math.floor(facts.issuedAt / 1_000),
    exp: Math.floor(facts.expiresAt / 1_000),
    jti: Buffer.from(random(16)).toString('base64url'),
    scope: scope.join(' '),
    roles: client.granted.roles,
    rate_limit: client.granted.quota.limit,
    rate_limit_window: client.granted.quota.windowMs / 1_000,
    ...(user === null ? {} : { entitlements: user.entitlements }),
  }
}
