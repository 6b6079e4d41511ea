import { RequestRefused, refusals } from '../errors.ts'
import { type GrantType, grantTypes } from '../store/client.ts'
import { authenticateClient, type Endpoint, readForm, requireParameter } from './exchange.ts'
import { readResources } from './form.ts'
import { issueTokens } from './issue.ts'

/**
 * `POST /oauth/token` (RFC 6749 §3.2): an access token for an authenticated client. Besides RFC 6749 §5.1 the answer
 * has the members that the platform's partners know: `roles`, `rate_limit` and its window in seconds.
 */
export const token: Endpoint = async (request, services) => {
  const form = readForm(request)
  const client = await authenticateClient(request, form, services)
  const grantType = grantTypeOf(requireParameter(form, 'grant_type'))
  // RFC 6749 §4.4: who proves nothing has nothing but its users' word. No registration may change that.
  if (client.authMethod === 'none' && grantType === 'client_credentials')
    throw new RequestRefused(refusals.unauthorizedClient)
  const grant = {
    client,
    grantType,
    scope: form.get('scope'),
    refreshToken: form.get('refresh_token'),
    resources: readResources(form),
    code: form.get('code'),
    redirectUri: form.get('redirect_uri'),
    codeVerifier: form.get('code_verifier'),
  }
  const issued = await issueTokens(request, { form, grant }, services)
  return {
    access_token: issued.accessToken,
    expires_in: Math.floor(issued.accessTokenLifetimeMs / 1_000),
    token_type: 'bearer',
    scope: issued.scope.join(' '),
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
    roles: client.granted.roles,
    rate_limit: client.granted.quota.limit,
    rate_limit_window: client.granted.quota.windowMs / 1_000,
  }
}

function grantTypeOf(text: string): GrantType {
  const grantType = grantTypes.find((known) => known === text)
  if (grantType === undefined) throw new RequestRefused(refusals.unsupportedGrantType)
  return grantType
}
