/**
 * A thief, or a server that a client talks to besides this one, tries to pass for the client: by an assertion used before,
 * made for somebody else, signed by a key of the thief's own, or by nothing at all.
 */
import { createPublicKey, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI } from 'jose'
import t from 'tap'
import {
  assertionForm,
  type ClientKey,
  claimsFor,
  createKeyClient,
  makeClientKey,
  signAssertion,
} from '../support/assertions.ts'
import { formCredentials, startTestServer, type TestServer } from '../support/oauth-server.ts'

const grant = { grant_type: 'client_credentials' }
const key = await makeClientKey()
const stranger = await makeClientKey()

async function ask(server: TestServer, assertion: string, form: Record<string, string> = {}) {
  const response = await server.post('/oauth/token', { ...grant, ...assertionForm(assertion), ...form })
  return { status: response.status, body: await response.text() }
}

const refused = '{"error":"invalid_client","error_description":"Client authentication failed."}'

t.test('A23: an assertion authenticates its client once', async (t) => {
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  const assertion = await signAssertion(claimsFor(server, client), key.privateKey)
  t.equal((await ask(server, assertion)).status, 200)
  t.same(await ask(server, assertion), { status: 401, body: refused }, 'a replay')
  const again = await signAssertion(claimsFor(server, client, { jti: 'once' }), key.privateKey)
  const other = await signAssertion(claimsFor(server, client, { jti: 'once' }), key.privateKey)
  t.equal((await ask(server, again)).status, 200)
  t.equal((await ask(server, other)).status, 401, 'another assertion with the same id')
  const racing = await signAssertion(claimsFor(server, client), key.privateKey)
  const raced = await Promise.all(Array.from({ length: 10 }, () => ask(server, racing)))
  t.equal(raced.filter(({ status }) => status === 200).length, 1, 'of ten at once, one')
})

t.test(
  'A23: an id that was used is remembered until its assertion has expired, and then swept',
  async (t) => {
    const server = await startTestServer(t)
    const client = await createKeyClient(server, key)
    const exp = Math.floor(server.clock.now / 1_000) + 300
    const assertion = await signAssertion(claimsFor(server, client, { exp }), key.privateKey)
    t.equal((await ask(server, assertion)).status, 200)
    server.clock.now = exp * 1_000 - 1
    t.equal((await ask(server, assertion)).status, 401)
    server.clock.now = exp * 1_000
    t.equal((await ask(server, assertion)).status, 401, 'now it has expired')
    const rows = await server.db.selectFrom('client_assertions').selectAll().execute()
    t.match(rows, [{ client_id: client.id, expires_at: exp * 1_000 }])
  },
)

t.test('A23: what assertions of every algorithm and shape in use authenticate', async (t) => {
  const server = await startTestServer(t)
  for (const alg of ['ES384', 'ES512', 'EdDSA', 'PS256', 'RS256', 'RS512']) {
    const own = await makeClientKey(alg)
    const client = await createKeyClient(server, own)
    const assertion = await signAssertion(claimsFor(server, client), own.privateKey, { alg })
    t.equal((await ask(server, assertion)).status, 200, alg)
    t.equal((await server.post('/oauth/introspect', { token: 'x' })).status, 401)
  }
  const client = await createKeyClient(server, key)
  const shapes: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
    ['one audience in a list', { aud: [server.url] }, {}],
    ['no iat', { iat: undefined }, {}],
    ['an id that no database takes', { jti: 'a\0\ud800 \u{1f600}' }, {}],
    ['the plain type', {}, { typ: 'JWT' }],
    ['the type of the update of RFC 7523', {}, { typ: 'client-authentication+jwt' }],
    ['no key id', {}, { kid: undefined }],
  ]
  for (const [title, claims, header] of shapes) {
    const assertion = await signAssertion(claimsFor(server, client, claims), key.privateKey, header)
    t.equal((await ask(server, assertion)).status, 200, title)
  }
  const spoken = await signAssertion(claimsFor(server, client), key.privateKey)
  t.equal((await ask(server, spoken, { client_id: client.id })).status, 200, 'its id besides')
  const caller = await signAssertion(claimsFor(server, client), key.privateKey)
  const inspected = await server.post('/oauth/introspect', { token: 'x', ...assertionForm(caller) })
  t.same(await inspected.json(), { active: false }, 'other endpoints take it too')
})

t.test('A23: a client with several keys may name none', async (t) => {
  const server = await startTestServer(t)
  const keys = [stranger, key].flatMap(({ jwks }) => JSON.parse(jwks).keys)
  const named = keys.map((jwk, index) => ({ ...jwk, kid: `key-${index}` }))
  const client = await createKeyClient(server, { ...key, jwks: JSON.stringify({ keys: named }) })
  const nameless = { kid: undefined }
  const assertion = await signAssertion(claimsFor(server, client), key.privateKey, nameless)
  t.equal((await ask(server, assertion)).status, 200)
  const third = await makeClientKey()
  const wrong = await signAssertion(claimsFor(server, client), third.privateKey, nameless)
  t.same(await ask(server, wrong), { status: 401, body: refused })
})

t.test('A23: an assertion for anybody else, too long, too late or of somebody else is refused', async (t) => {
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  const other = await createKeyClient(server, stranger)
  const now = Math.floor(server.clock.now / 1_000)
  const claims: Record<string, Record<string, unknown>> = {
    // The attack of 2025: another server has the client make an assertion with two audiences, or with an endpoint as one.
    'two audiences': { aud: [server.url, 'https://evil.example'] },
    'the audience twice': { aud: [server.url, server.url] },
    'the token endpoint as audience': { aud: `${server.url}/oauth/token` },
    'the issuer with a slash': { aud: `${server.url}/` },
    'another audience': { aud: 'https://evil.example' },
    'no audience': { aud: undefined },
    'an empty list of audiences': { aud: [] },
    'another subject': { sub: other.id },
    'no subject': { sub: undefined },
    'another issuer': { iss: other.id },
    'no issuer': { iss: undefined },
    'no expiry': { exp: undefined },
    'an expiry that is a text': { exp: `${now + 60}` },
    'an expiry beyond all time': { exp: 1e300 },
    'more than five minutes ahead': { exp: now + 302 },
    expired: { exp: now },
    'not yet to be used': { nbf: now + 60 },
    'made in the future': { iat: now + 60, exp: now + 120 },
    'made long ago': { iat: now - 3_600 },
    'no id': { jti: undefined },
    'an empty id': { jti: '' },
    'an id that is no text': { jti: 5 },
    'an id that is a list': { jti: ['a'] },
  }
  for (const [title, wrong] of Object.entries(claims)) {
    const assertion = await signAssertion(claimsFor(server, client, wrong), key.privateKey)
    t.same(await ask(server, assertion), { status: 401, body: refused }, title)
    t.equal((await ask(server, assertion, { client_id: client.id })).status, 401, `${title}, with its id`)
  }
  const right = await signAssertion(claimsFor(server, client), key.privateKey)
  t.equal((await ask(server, right, { client_id: other.id })).status, 401, 'another id in the form')
  t.equal((await ask(server, right)).status, 200, 'none of which has used it up')
})

t.test('A23: only the registered key counts, never what the assertion brings along', async (t) => {
  const asked: string[] = []
  const evil = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end(stranger.jwks)
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  t.teardown(() => evil.close())
  const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}/keys`
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  const jwk = await exportJWK(stranger.publicKey)
  const headers: Record<string, Record<string, unknown>> = {
    'a key of its own': { jwk },
    'a key of its own, by no id': { jwk, kid: undefined },
    'the address of a key set': { jku: url, kid: 'evil' },
    'the address of a certificate': { x5u: url, x5t: 'x' },
    'a certificate': { x5c: ['MIIB'] },
    'an unknown key id': { kid: 'key-2' },
    'a key id that is a path': { kid: '../../../../dev/null' },
    'a key id that is SQL': { kid: "' or 1=1 --" },
    'a key id of 4,000 characters': { kid: 'k'.repeat(4_000) },
  }
  for (const [title, header] of Object.entries(headers)) {
    const forged = await signAssertion(claimsFor(server, client), stranger.privateKey, header)
    t.same(await ask(server, forged), { status: 401, body: refused }, title)
  }
  const wrongKid = await signAssertion(claimsFor(server, client), key.privateKey, { kid: 'key-2' })
  t.equal((await ask(server, wrongKid)).status, 401, 'its own key under a wrong id')
  for (const typ of ['at+jwt', 'dpop+jwt', 'secevent+jwt', '']) {
    const typed = await signAssertion(claimsFor(server, client), key.privateKey, { typ })
    t.equal((await ask(server, typed)).status, 401, `the type ${typ}`)
  }
  t.same(asked, [], 'nobody was asked for a key')
})

t.test('A23: no signature, or one by a secret that is the public key, proves nothing', async (t) => {
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  const claims = Buffer.from(JSON.stringify(claimsFor(server, client))).toString('base64url')
  const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, ['ES256'], 'HS256', 'RSA1_5', 'A128KW']) {
    for (const signature of ['', 'AAAA', Buffer.alloc(64).toString('base64url')]) {
      const assertion = `${encode({ alg, kid: 'key-1' })}.${claims}.${signature}`
      t.same(await ask(server, assertion), { status: 401, body: refused }, `${alg} ${signature}`)
    }
  }
  const zeros = `${encode({ alg: 'ES256', kid: 'key-1' })}.${claims}.${Buffer.alloc(64).toString('base64url')}`
  t.equal((await ask(server, zeros)).status, 401, 'a signature of zeros (CVE-2022-21449)')
  const secrets = [await exportSPKI(key.publicKey), key.jwks, JSON.stringify(await exportJWK(key.publicKey))]
  for (const secret of secrets) {
    const forged = await signAssertion(claimsFor(server, client), Buffer.from(secret), { alg: 'HS256' })
    t.equal((await ask(server, forged)).status, 401, 'HS256')
  }
  const der = createPublicKey({ key: JSON.parse(key.jwks).keys[0], format: 'jwk' })
  const bytes = der.export({ type: 'spki', format: 'der' })
  const forged = await signAssertion(claimsFor(server, client), bytes, { alg: 'HS256' })
  t.equal((await ask(server, forged)).status, 401, 'HS256 by the key’s bytes')
})

t.test('A23: what is no assertion is refused like any other, and never a failure', async (t) => {
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  const good = await signAssertion(claimsFor(server, client), key.privateKey)
  const [head = '', claims = '', signature = ''] = good.split('.')
  const nested = Buffer.from(`${'['.repeat(2_000)}${']'.repeat(2_000)}`).toString('base64url')
  const attempts = {
    nothing: '.',
    dots: '....',
    'no signature': `${head}.${claims}`,
    'an empty signature': `${head}.${claims}.`,
    'a part too many': `${good}.x`,
    'other claims': `${head}.${Buffer.from('{}').toString('base64url')}.${signature}`,
    'claims that are a list': `${head}.${Buffer.from('[]').toString('base64url')}.${signature}`,
    'claims that are null': `${head}.${Buffer.from('null').toString('base64url')}.${signature}`,
    'a header that is no object': `${Buffer.from('5').toString('base64url')}.${claims}.${signature}`,
    'a deep header': `${nested}.${claims}.${signature}`,
    'a deep payload': `${head}.${nested}.${signature}`,
    JSON: '{"alg":"none"}',
    'not base64url': `${head}.!!!.${signature}`,
    'a critical extension': await signAssertion(claimsFor(server, client), key.privateKey, {
      crit: ['b64'],
      b64: true,
    }).then((text) => `${text}x`),
    '7 KiB': `${head}.${'A'.repeat(7_000)}.${signature}`,
  }
  for (const [title, assertion] of Object.entries(attempts)) {
    t.same(await ask(server, assertion), { status: 401, body: refused }, title)
    t.same(await ask(server, assertion, { client_id: client.id }), { status: 401, body: refused }, title)
  }
  t.equal((await ask(server, 'A'.repeat(9_000))).status, 413, 'a huge one is not even read')
  const typeless = await server.post('/oauth/token', { ...grant, client_assertion: good })
  t.equal(typeless.status, 401, 'without its type')
  const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
  t.equal((await ask(server, good, { client_assertion_type: saml })).status, 401, 'of another type')
  t.equal((await ask(server, good)).status, 200)
  t.notMatch(server.logLines.join(''), /request failed/)
})

t.test('A23: a flood of key ids fetches nothing, keeps nothing and stores nothing', async (t) => {
  const server = await startTestServer(t)
  const client = await createKeyClient(server, key)
  for (let i = 0; i < 200; i += 1) {
    const assertion = await signAssertion(claimsFor(server, client), stranger.privateKey, {
      kid: randomUUID(),
    })
    t.equal((await ask(server, assertion)).status, 401)
  }
  t.same(await server.db.selectFrom('client_assertions').selectAll().execute(), [])
})

t.test('A2: a client has one method, and anything else of its own is refused like any other', async (t) => {
  const server = await startTestServer(t)
  const keyed = await createKeyClient(server, key)
  const secretive = await server.create()
  const withKeys: ClientKey = await makeClientKey()
  const both = await server.create({ jwks: withKeys.jwks })
  const assertion = await signAssertion(claimsFor(server, both.client), withKeys.privateKey)
  t.same(
    await ask(server, assertion),
    { status: 401, body: refused },
    'an assertion of a client with a secret',
  )
  t.equal((await server.post('/oauth/token', { ...grant, client_id: keyed.id })).status, 401, 'an id alone')
  const guess = { ...grant, client_id: keyed.id, client_secret: '' }
  t.equal((await server.post('/oauth/token', guess)).status, 401, 'an empty secret')
  const twice = await ask(
    server,
    await signAssertion(claimsFor(server, keyed), key.privateKey),
    formCredentials(secretive),
  )
  t.equal(twice.status, 400, 'a secret and an assertion')
  t.match(twice.body, /invalid_request/)
  await server.db.updateTable('clients').set({ disabled_at: 1 }).where('id', '=', keyed.id).execute()
  const late = await signAssertion(claimsFor(server, keyed), key.privateKey)
  t.same(await ask(server, late), { status: 401, body: refused }, 'a disabled client')
})
