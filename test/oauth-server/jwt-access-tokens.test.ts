import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { findKeyEncryptionKey } from '../../oauth-server/keys/key-encryption-key.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { createPostgres } from '../support/databases.ts'
import {
  actForUser,
  basic,
  obtainTokens,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../support/oauth-server.ts'
import { needs, postgres } from '../support/services.ts'

const api = 'https://api.example.org'

/** Verifies as a strict resource server does (RFC 9068 §4). */
async function verify(server: TestServer, token: string, audience: string) {
  const keys = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet
  return jwtVerify(token, createLocalJWKSet(keys), {
    issuer: server.url,
    audience,
    typ: 'at+jwt',
    algorithms: ['ES256', 'EdDSA'],
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    currentDate: new Date(server.clock.now),
  })
}

async function addResource(server: TestServer, more: Partial<{ uri: string; tokenFormat: 'jwt' }> = {}) {
  const registry = new ResourceRegistry(server.db, new Changes(server.db, () => server.clock.now))
  await registry.create({ uri: api, name: 'The API', ...more }, tester)
}

for (const signingAlgorithm of ['ES256', 'EdDSA'] as const)
  t.test(
    `A18: a JWT by ${signingAlgorithm} passes a strict verifier and says what RFC 9068 asks`,
    async (t) => {
      const server = await startTestServer(t, { signingAlgorithm })
      await addResource(server)
      const client = await server.create({
        tokenFormat: 'jwt',
        audiences: [api],
        roles: ['USER', 'EDITOR'],
        scopes: ['user', 'stats'],
      })
      const response = await server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(client))
      const answer = (await response.json()) as { access_token: string }
      t.match(answer, { token_type: 'bearer', expires_in: 3_600, scope: 'stats user' })
      const { payload, protectedHeader } = await verify(server, answer.access_token, api)
      t.match(protectedHeader, { typ: 'at+jwt', alg: signingAlgorithm, kid: /^[\w-]{43}$/ })
      const { jti = '', ...claims } = payload
      t.match(jti, /^[\w-]{22}$/)
      const iat = Math.floor(server.clock.now / 1_000)
      t.strictSame(claims, {
        iss: server.url,
        aud: api,
        sub: client.client.id,
        client_id: client.client.id,
        iat,
        exp: Math.floor((server.clock.now + 3_600_000) / 1_000),
        scope: 'stats user',
        roles: ['EDITOR', 'USER'],
        rate_limit: 1_000,
        rate_limit_window: 3_600,
      })
      const again = decodeJwt((await obtainTokens(server, client)).access_token)
      t.not(again.jti, jti, 'each token has an id of its own')
    },
  )

t.test('A18: a JWT for no resource in particular names the server as its audience', async (t) => {
  const server = await startTestServer(t)
  const { access_token } = await obtainTokens(server, await server.create({ tokenFormat: 'jwt' }))
  await verify(server, access_token, server.url)
})

t.test('A18: a JWT of a user names the user by id, and nothing else of the person', async (t) => {
  const server = await startTestServer(t)
  const grantTypes = ['client_credentials', 'refresh_token'] as const
  const client = await server.create({ tokenFormat: 'jwt', grantTypes })
  const gateway = await server.create(resourceServer)
  const { refresh_token } = await obtainTokens(server, client)
  await actForUser(server.db)
  const form = { grant_type: 'refresh_token', refresh_token }
  const response = await server.post('/oauth/token', form, basic(client))
  const { access_token } = (await response.json()) as { access_token: string }
  const { payload } = await verify(server, access_token, server.url)
  t.match(payload, { sub: 'user-7', client_id: client.client.id, entitlements: ['gold', 'sport'] })
  t.notMatch(JSON.stringify(payload), /[Aa]da/)
  const inspected = await server.post('/oauth/introspect', { token: access_token }, basic(gateway))
  const facts = (await inspected.json()) as Record<string, unknown>
  t.match(facts, { active: true, sub: 'user-7', username: 'ada', entitlements: ['gold', 'sport'] })
})

t.test('A15: a JWT is looked up like any token, and its own words come back', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ tokenFormat: 'jwt' })
  const gateway = await server.create(resourceServer)
  const { access_token } = await obtainTokens(server, client)
  const look = async (token: string) =>
    (await (await server.post('/oauth/introspect', { token }, basic(gateway))).json()) as object
  const { payload } = await verify(server, access_token, server.url)
  t.strictSame(await look(access_token), { active: true, token_type: 'bearer', ...payload })
  const row = await server.db.selectFrom('access_tokens').selectAll().executeTakeFirstOrThrow()
  t.match(row, { hash: hashCredential(access_token), last_four: access_token.slice(-4), audience: '' })
  for (const bad of [`${access_token}x`, access_token.replace(/\.[^.]*$/, '.'), `${access_token}.`])
    t.strictSame(await look(bad), { active: false })
  server.clock.now += 3_600_000
  t.strictSame(await look(access_token), { active: false })
})

t.test('a resource that reads JWTs gets JWTs, and other clients of the server opaque tokens', async (t) => {
  const server = await startTestServer(t)
  await addResource(server, { tokenFormat: 'jwt' })
  const client = await server.create({ audiences: [api] })
  await verify(server, (await obtainTokens(server, client)).access_token, api)
  t.match((await obtainTokens(server, await server.create())).access_token, /^pat_/)
})

t.test('A19: the key set may be kept for five minutes, and nothing else may', async (t) => {
  const server = await startTestServer(t)
  const response = await fetch(`${server.url}/.well-known/jwks.json`)
  t.equal(response.headers.get('cache-control'), 'public, max-age=300')
  t.equal(response.headers.get('pragma'), null)
  t.match(await response.json(), { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }] })
  const refused = await fetch(`${server.url}/.well-known/jwks.json`, { method: 'POST' })
  t.equal(refused.status, 405)
  t.equal(refused.headers.get('cache-control'), 'no-store')
})

t.test("A18: jose's own remote key set finds the keys by the metadata", async (t) => {
  const server = await startTestServer(t)
  const { access_token } = await obtainTokens(server, await server.create({ tokenFormat: 'jwt' }))
  const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`)
  const { issuer, jwks_uri } = (await metadata.json()) as { issuer: string; jwks_uri: string }
  await jwtVerify(access_token, createRemoteJWKSet(new URL(jwks_uri)), { issuer, typ: 'at+jwt' })
})

t.test(
  'without a key-encryption key on Postgres no JWT is issued, and the log has the cure',
  await needs(postgres),
  async (t) => {
    const server = await startTestServer(t, {}, createPostgres)
    const client = await server.create({ tokenFormat: 'jwt' })
    const response = await server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(client))
    t.equal(response.status, 500)
    t.match(await response.json(), { error: 'server_error' })
    t.match(server.logLines.join(''), /JWT access tokens cannot be signed: set keyEncryptionKey to 32 random/)
    t.strictSame(await (await fetch(`${server.url}/.well-known/jwks.json`)).json(), { keys: [] })
    t.match((await obtainTokens(server, await server.create())).access_token, /^pat_/, 'others are served')
  },
)

t.test('the key file beside a SQLite database is made once, for its owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const source = { keyEncryptionKey: undefined, database: `sqlite:${join(folder, 'a.db')}` }
  const key = findKeyEncryptionKey(source)
  t.equal(key?.length, 32)
  t.strictSame(findKeyEncryptionKey(source), key, 'and found again')
  const file = join(folder, 'a.db.key')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(readFileSync(file, 'utf8'), `${Buffer.from(key ?? []).toString('base64url')}\n`)
  writeFileSync(file, 'short')
  t.throws(() => findKeyEncryptionKey(source), {
    name: 'KeyFileBroken',
    message: /it does not hold 32 bytes/,
  })
  const memory = findKeyEncryptionKey({ ...source, database: 'sqlite::memory:' })
  t.equal(memory?.length, 32)
  const configured = 'A'.repeat(43)
  t.strictSame(findKeyEncryptionKey({ ...source, keyEncryptionKey: configured }), Buffer.alloc(32))
  t.end()
})
