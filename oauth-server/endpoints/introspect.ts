import { authenticateResourceServer, type Endpoint, readForm, requireParameter } from './exchange.ts'

/**
 * `POST /oauth/introspect` (RFC 7662): the same as verifToken in the standard's shape. For a token that cannot be used
 * the answer never tells why.
 */
export const introspect: Endpoint = async (request, services) => {
  const form = readForm(request)
  await authenticateResourceServer(request, form, services)
  const found = await services.inspector.inspect(requireParameter(form, 'token'))
  if (found === undefined) return { active: false }
  return {
    active: true,
    client_id: found.clientId,
    scope: found.scope.join(' '),
    exp: Math.floor(found.expiresAt / 1_000),
    iat: Math.floor(found.issuedAt / 1_000),
    token_type: 'bearer',
    roles: found.roles,
    rate_limit: found.quota.limit,
    rate_limit_window: found.quota.windowMs / 1_000,
  }
}
