import { authenticateClient, type Endpoint, readForm, requireParameter } from './exchange.ts'

/**
 * `POST /oauth/revoke` (RFC 7009): ends a token of the client that asks. Whatever the token is, the answer is the same, so
 * that it tells nothing of other clients' tokens. `token_type_hint` is a help that is not needed, and so not read.
 */
export const revoke: Endpoint = async (request, services) => {
  const form = readForm(request)
  const client = await authenticateClient(request, form, services)
  const actor = { id: client.id, address: services.addresses.of(request.raw) }
  await services.revoker.revoke(requireParameter(form, 'token'), client.id, actor)
  return {}
}
