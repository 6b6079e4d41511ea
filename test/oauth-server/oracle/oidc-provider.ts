import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import Provider, { type ClientMetadata, type Configuration, errors } from 'oidc-provider'
import type { Test } from 'tap'
import { films, type KnownClient, type Side, series } from './sides.ts'

const accountId = 'anna'
const resources = [films, series]
const scope = 'user stats'

/** oidc-provider with the clients of the other side, its places under the same paths, and the same choices where it has them. */
export async function startOidcProvider(t: Test, { clients, key }: Side): Promise<Side> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(url, {
    ...choices,
    jwks: { keys: [await exportJWK(privateKey)] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    clients: Object.values(clients).map((client) => metadataOf(client, key.jwks)),
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    // Its page where users sign in is the application's own to write; everybody is let in here.
    if (!request.url?.startsWith('/interaction/')) return answer(request, response)
    return provider.interactionFinished(request, response, { login: { accountId } })
  })
  return { name: 'oidc-provider', url, clients, key, authorize: (query) => authorize(url, query) }
}

const choices: Configuration = {
  routes: {
    authorization: '/oauth/authorize',
    token: '/oauth/token',
    introspection: '/oauth/introspect',
    revocation: '/oauth/revoke',
  },
  scopes: ['user', 'stats', 'introspect'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  responseTypes: ['code'],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  // Its page of errors as the JSON that it holds.
  renderError: (ctx, error) => void Object.assign(ctx, { type: 'json', body: error }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ accountId, clientId: oidc.client?.clientId ?? '' })
    grant.addOIDCScope(scope)
    for (const resource of resources) grant.addResourceScope(resource, scope)
    await grant.save()
    return grant
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx, client) => client.scope?.includes('introspect') === true,
    },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, uri) => {
        if (!resources.includes(uri)) throw new errors.InvalidTarget()
        return { scope, audience: uri, accessTokenFormat: 'opaque' }
      },
    },
  },
}

function metadataOf(client: KnownClient, jwks: string): ClientMetadata {
  return {
    client_id: client.id,
    ...(client.secret !== '' && { client_secret: client.secret }),
    ...(client.authMethod === 'private_key_jwt' && { jwks: JSON.parse(jwks) as JSONWebKeySet }),
    token_endpoint_auth_method: client.authMethod as 'none',
    grant_types: [...client.grantTypes],
    response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
    redirect_uris: [...client.redirectUris],
    scope: client.scopes.join(' '),
  }
}

/** Follows the redirects within the server, as a browser with cookies. */
async function authorize(url: string, query: URLSearchParams): Promise<URLSearchParams> {
  const cookies = new Map<string, string>()
  let place = new URL(`/oauth/authorize?${query}`, url)
  while (place.origin === url) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(place, { headers: { cookie }, redirect: 'manual' })
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) throw new Error(`no redirect but ${response.status}: ${await response.text()}`)
    place = new URL(location, place)
  }
  return place.searchParams
}
