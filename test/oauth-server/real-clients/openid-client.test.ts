/*
 * openid-client, the certified client library of Node, against the server: found by its metadata, with every way of client
 * authentication, every grant, and look-ups. The library is strict about what it takes for an answer.
 */
import { randomBytes } from 'node:crypto'
import * as openid from 'openid-client'
import t, { type Test } from 'tap'
import { createKeyClient, makeClientKey } from '../../support/assertions.ts'
import {
  publicClient,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../../support/oauth-server.ts'
import { createUser, redirectUri, signInAndConsent, webApplication } from '../../support/user-browser.ts'

/** What the library knows of the server after having found it by RFC 8414. */
function discover(server: TestServer, clientId: string, way: openid.ClientAuth) {
  // The library's mark for what is dangerous outside loopback, where these servers are.
  const execute = [openid.allowInsecureRequests]
  return openid.discovery(new URL(server.url), clientId, undefined, way, { algorithm: 'oauth2', execute })
}

/** The code grant as the library walks it, up to its tokens. */
async function codeGrant(
  server: TestServer,
  found: openid.Configuration,
  { redirectUri, ...parameters }: { redirectUri: string; scope: string; resource?: string },
) {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const expectedState = openid.randomState()
  const link = openid.buildAuthorizationUrl(found, {
    ...parameters,
    redirect_uri: redirectUri,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
  })
  const back = await signInAndConsent(server, link)
  // Holds the answer's state and `iss` (RFC 9207), which the metadata announces.
  return openid.authorizationCodeGrant(found, back, { pkceCodeVerifier, expectedState })
}

t.test('A2, A17: discovers the server and gets a token of its own by either way of its secret', async (t) => {
  const server = await startTestServer(t)
  const ways = {
    client_secret_basic: openid.ClientSecretBasic,
    client_secret_post: openid.ClientSecretPost,
  } as const
  for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
    const { client, secret } = await server.create({ authMethod })
    const found = await discover(server, client.id, ways[authMethod](secret))
    t.equal(found.serverMetadata().issuer, server.url)
    t.ok(found.serverMetadata().supportsPKCE())
    const tokens = await openid.clientCredentialsGrant(found, { scope: 'user' })
    t.match(tokens, { token_type: 'bearer', expires_in: 3_600, scope: 'user' })

    const mistaken = await discover(server, client.id, ways[authMethod]('psk_wrong'))
    const told = authMethod === 'client_secret_basic' ? badBasic : invalidClient
    t.match(await faultOf(openid.clientCredentialsGrant(mistaken)), told)
  }
})

t.test('A2: authenticates by a key of its own', async (t) => {
  const server = await startTestServer(t)
  for (const algorithm of ['ES256', 'PS256', 'EdDSA']) {
    const key = await makeClientKey(algorithm)
    const client = await createKeyClient(server, key)
    const found = await discover(server, client.id, openid.PrivateKeyJwt(key.privateKey))
    const { access_token: token } = await openid.clientCredentialsGrant(found)
    const looked = await openid.tokenIntrospection(found, token)
    t.match(looked, { active: true, client_id: client.id }, algorithm)
    const stranger = await makeClientKey(algorithm)
    const mistaken = await discover(server, client.id, openid.PrivateKeyJwt(stranger.privateKey))
    t.match(await faultOf(openid.clientCredentialsGrant(mistaken)), invalidClient)
  }
})

t.test('A7, A9, A10: a public client gets a user’s tokens by code and PKCE, and refreshes', async (t) => {
  const server = await startTestServer(t)
  await createUser(server)
  const { client } = await server.registry.create(publicClient, tester)
  const found = await discover(server, client.id, openid.None())
  const stranger = await discover(server, 'nobody-12345678', openid.None())
  t.match(await faultOf(openid.refreshTokenGrant(stranger, 'prt_x')), invalidClient)
  const wanted = { redirectUri: 'https://player.example/done', scope: 'user' }
  const tokens = await codeGrant(server, found, wanted)
  t.match(tokens, { token_type: 'bearer', scope: 'user', refresh_token: /^prt_/ })
  await refreshes(t, found, tokens)
})

t.test(
  'A13, A14, A15: a confidential client refreshes, and revokes what is then looked up in vain',
  async (t) => {
    const server = await startTestServer(t)
    const { user } = await createUser(server)
    const { client, secret } = await server.create(webApplication)
    const found = await discover(server, client.id, openid.ClientSecretBasic(secret))
    const gateway = await lookUps(server)
    const tokens = await codeGrant(server, found, { redirectUri, scope: 'user stats' })
    t.match(await openid.tokenIntrospection(gateway, tokens.access_token), {
      active: true,
      client_id: client.id,
      sub: user.id,
      username: 'anna',
      scope: 'stats user',
      iss: server.url,
    })
    const refreshed = await refreshes(t, found, tokens)
    await openid.tokenRevocation(found, refreshed.refresh_token ?? '', { token_type_hint: 'refresh_token' })
    t.strictSame(await openid.tokenIntrospection(gateway, refreshed.access_token), { active: false })
    t.match(await faultOf(openid.refreshTokenGrant(found, refreshed.refresh_token ?? '')), {
      error: 'invalid_grant',
    })
    await t.resolves(openid.tokenRevocation(found, 'pat_unknown'), 'an unknown token is as good as revoked')
  },
)

t.test('resource indicators bind the audience of both grants, and refreshing narrows it', async (t) => {
  const server = await startTestServer(t)
  await createUser(server)
  const [films, series] = ['https://films.example/', 'https://series.example/'] as const
  const audiences = [films, series]
  const grantTypes = [...(webApplication.grantTypes ?? []), 'client_credentials'] as const
  const { client, secret } = await server.create({ ...webApplication, grantTypes, audiences })
  const found = await discover(server, client.id, openid.ClientSecretPost(secret))
  const gateway = await lookUps(server)
  const audienceOf = async (token: string) => (await openid.tokenIntrospection(gateway, token)).aud

  const own = await openid.clientCredentialsGrant(found, { resource: films })
  t.equal(await audienceOf(own.access_token), films)
  const both = new URLSearchParams(audiences.map((uri): [string, string] => ['resource', uri]))
  const ofBoth = await openid.clientCredentialsGrant(found, both)
  t.strictSame(await audienceOf(ofBoth.access_token), audiences)
  const foreign = openid.clientCredentialsGrant(found, { resource: 'https://elsewhere.example/' })
  t.match(await faultOf(foreign), { error: 'invalid_target', status: 400 })

  const ofUser = await codeGrant(server, found, { redirectUri, scope: 'user', resource: series })
  t.equal(await audienceOf(ofUser.access_token), series)
  const refreshToken = ofUser.refresh_token ?? ''
  const widened = openid.refreshTokenGrant(found, refreshToken, { resource: films })
  t.match(await faultOf(widened), { error: 'invalid_target' })
  const again = await openid.refreshTokenGrant(found, refreshToken, { resource: series })
  t.equal(await audienceOf(again.access_token), series, 'a refused wish has not used the token up')
})

t.test('A9, A10: the library refuses an answer that was tampered with on its way', async (t) => {
  const server = await startTestServer(t)
  await createUser(server)
  const { client } = await server.registry.create(publicClient, tester)
  const found = await discover(server, client.id, openid.None())
  const verifier = openid.randomPKCECodeVerifier()
  const link = openid.buildAuthorizationUrl(found, {
    redirect_uri: 'https://player.example/done',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: 'mine',
  })
  const back = await signInAndConsent(server, link)
  const foreignIssuer = new URL(back)
  foreignIssuer.searchParams.set('iss', 'https://elsewhere.example')
  const checks = { pkceCodeVerifier: verifier, expectedState: 'mine' }
  t.match(await faultOf(openid.authorizationCodeGrant(found, foreignIssuer, checks)), {
    code: 'OAUTH_INVALID_RESPONSE',
  })
  const otherVerifier = { ...checks, pkceCodeVerifier: randomBytes(32).toString('base64url') }
  t.match(await faultOf(openid.authorizationCodeGrant(found, back, otherVerifier)), {
    error: 'invalid_grant',
  })
})

/** How the library tells of a 401 that comes without a challenge. */
const invalidClient = { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_client', status: 401 }

/** How it tells of the one that RFC 6749 §5.2 wants challenged: it takes the challenge for the whole answer. */
const badBasic = {
  code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
  status: 401,
  cause: [{ scheme: 'basic', parameters: { realm: 'passerelle' } }],
}

/** Why the library rejects. */
async function faultOf(rejecting: Promise<unknown>): Promise<unknown> {
  try {
    await rejecting
  } catch (error) {
    return error
  }
  throw new Error('the library took the answer for a good one')
}

/** The library as a client that looks tokens up, as a gateway does. */
async function lookUps(server: TestServer): Promise<openid.Configuration> {
  const { client, secret } = await server.create(resourceServer)
  return discover(server, client.id, openid.ClientSecretBasic(secret))
}

async function refreshes(t: Test, found: openid.Configuration, tokens: openid.TokenEndpointResponse) {
  const refreshed = await openid.refreshTokenGrant(found, tokens.refresh_token ?? '')
  t.match(refreshed, { token_type: 'bearer', refresh_token: /^prt_/ })
  t.not(refreshed.refresh_token, tokens.refresh_token, 'refresh tokens are rotated')
  t.match(await faultOf(openid.refreshTokenGrant(found, tokens.refresh_token ?? '')), {
    error: 'invalid_grant',
  })
  return refreshed
}
