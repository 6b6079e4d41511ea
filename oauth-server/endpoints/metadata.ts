import { assertionAlgorithms } from '../clients/client-assertion.ts'
import { RequestRefused, refusals } from '../errors.ts'
import type { Endpoint } from './exchange.ts'

const authenticationMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

/** What this server can do (RFC 8414 §2), by the URL that clients know it by. */
export function metadataOf(issuer: string) {
  const base = issuer.replace(/\/$/, '')
  return {
    issuer,
    authorization_endpoint: `${base}/oauth/authorize`,
    token_endpoint: `${base}/oauth/token`,
    introspection_endpoint: `${base}/oauth/introspect`,
    revocation_endpoint: `${base}/oauth/revoke`,
    jwks_uri: `${base}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: [...authenticationMethods, 'none'],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authenticationMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: [...authenticationMethods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    ui_locales_supported: ['en', 'fr', 'de'],
  }
}

/** `GET /.well-known/oauth-authorization-server`: what clients configure themselves by. */
export const metadata: Endpoint = async (_request, services) => metadataOf(services.issuer())

/** The same where an issuer with a path is looked for: with that path at the end (RFC 8414 §3.1), and no other. */
export const metadataByPath: Endpoint = async (request, services) => {
  const path = new URL(services.issuer()).pathname.replace(/\/$/, '')
  const asked = (request.raw.url ?? '').replace(/\?.*$/s, '')
  if (path === '' || asked !== `/.well-known/oauth-authorization-server${path}`)
    throw new RequestRefused(refusals.notFound)
  return metadataOf(services.issuer())
}
