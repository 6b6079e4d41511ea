import type { FastifyRequest } from 'fastify'
import { RequestRefused, refusals } from '../errors.ts'
import type { GrantRequest, IssuedTokens } from '../grants/token-issuer.ts'
import { type EndpointServices, readCredentials } from './exchange.ts'
import type { Form } from './form.ts'

/** What an authenticated client asks for, and where its credentials stand. */
export interface TokenRequest {
  readonly form: Form
  readonly grant: GrantRequest
}

/**
 * Issues tokens to the client that makes a request. Whether it is the client still is looked at once more when they are
 * stored: whoever revokes its secret and then its tokens, or disables it, may have looked before they were. What the
 * client is not told of is taken back. Throws {@link RequestRefused}.
 */
export async function issueTokens(
  request: FastifyRequest,
  { form, grant }: TokenRequest,
  services: EndpointServices,
): Promise<IssuedTokens> {
  const issued = await services.tokenIssuer.issue(grant)
  const credentials = readCredentials(request, form)
  if (credentials !== undefined && (await services.authenticator.isStill(credentials))) return issued
  const { id } = grant.client
  const actor = { id, address: services.addresses.of(request.raw) }
  await services.revoker.revoke(issued.refreshToken ?? issued.accessToken, id, actor)
  throw new RequestRefused(refusals.invalidClient)
}
