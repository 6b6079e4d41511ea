import type { InspectedToken } from '../tokens/token-inspector.ts'
import { authenticateResourceServer, type Endpoint, readForm, requireParameter } from './exchange.ts'

/**
 * `POST /oauth/introspect` (RFC 7662): the same as verifToken in the standard's shape. For a token that cannot be used
 * the answer never tells why.
 */
export const introspect: Endpoint = async (request, services) => {
  const form = readForm(request)
  const asker = await authenticateResourceServer(request, form, services)
  const found = await services.inspector.inspect(requireParameter(form, 'token'), asker)
  if (found === undefined) return { active: false }
  return {
    active: true,
    client_id: found.clientId,
    ...(found.userId === null ? {} : { username: found.username, entitlements: found.entitlements }),
    sub: found.subject,
    iss: services.issuer(),
    ...audienceOf(found),
    scope: found.scope.join(' '),
    exp: Math.floor(found.expiresAt / 1_000),
    iat: Math.floor(found.issuedAt / 1_000),
    ...(found.jwtId === undefined ? {} : { jti: found.jwtId }),
    token_type: 'bearer',
    roles: found.granted.roles,
    rate_limit: found.granted.quota.limit,
    rate_limit_window: found.granted.quota.windowMs / 1_000,
  }
}

/** One resource by itself and several as a list (RFC 7662 §2.2); nothing where the token is for any. */
function audienceOf({ audience }: InspectedToken): { aud?: string | readonly string[] } {
  const [first, ...others] = audience
  return first === undefined ? {} : { aud: others.length === 0 ? first : audience }
}
