import { RequestRefused, refusals } from '../errors.ts'
import type { GrantType } from '../store/client-repository.ts'
import { authenticateClient, type Endpoint, readForm, requireParameter } from './exchange.ts'

/**
 * `POST /oauth/token` (RFC 6749 §3.2): an access token for an authenticated client. Besides RFC 6749 §5.1 the answer
 * has the members that the platform's partners know: `roles`, `rate_limit` and its window in seconds.
 */
export const token: Endpoint = async (request, services) => {
  const form = readForm(request)
  const client = await authenticateClient(request, form, services)
  const issued = await services.issuer.issue({
    client,
    grantType: grantTypeOf(requireParameter(form, 'grant_type')),
    scope: form.get('scope'),
    refreshToken: form.get('refresh_token'),
  })
  return {
    access_token: issued.accessToken,
    expires_in: Math.floor(services.accessTokenLifetimeMs / 1_000),
    token_type: 'bearer',
    scope: issued.scope.join(' '),
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
    roles: client.roles,
    rate_limit: client.quota.limit,
    rate_limit_window: client.quota.windowMs / 1_000,
  }
}

function grantTypeOf(text: string): GrantType {
  if (text !== 'client_credentials' && text !== 'refresh_token')
    throw new RequestRefused(refusals.unsupportedGrantType)
  return text
}
