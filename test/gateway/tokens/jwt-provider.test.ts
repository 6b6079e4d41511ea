import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JWK } from 'jose'
import t, { type Test } from 'tap'
import { type BackendRecorder, startBackendRecorder } from '../../support/backend-recorder.ts'
import { type GatewayUnderTest, startTestGateway } from '../../support/gateway.ts'
import { type IssuerKey, makeKey, startIssuer, type TestIssuer, testAudience } from '../../support/issuer.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const

interface JwtScene {
  readonly issuer: TestIssuer
  readonly backend: BackendRecorder
  readonly gateway: GatewayUnderTest
  /** Calls `/api1`, which needs the role USER; resolves to the status, and the code of the refusal. */
  call(token: string): Promise<readonly [status: number, code: unknown]>
}

/** A gateway that trusts an issuer's tokens, in front of a recording backend. */
async function setJwtScene(
  t: Test,
  { keys, ...jwt }: { keys?: readonly IssuerKey[]; clockTolerance?: string } = {},
): Promise<JwtScene> {
  const issuer = await startIssuer()
  if (keys !== undefined) issuer.keys.splice(0, 1, ...keys)
  const backend = await startBackendRecorder()
  const identity = {
    jwt: { issuer: issuer.url, audience: testAudience, jwks: issuer.jwksUrl, ...jwt },
  }
  const routes = { '/api1': { to: backend.url, roles: ['USER'] } }
  const gateway = await startTestGateway({ identity, routes })
  t.teardown(() => Promise.all([gateway.close(), issuer.close(), backend.close()]))
  return {
    issuer,
    backend,
    gateway,
    call: async (token) => {
      const response = await fetch(`${gateway.url}/api1`, { headers: { authorization: `Bearer ${token}` } })
      const body = (await response.json()) as { code?: unknown }
      return [response.status, body.code]
    },
  }
}

const refused = [401, 'token-invalid'] as const
const nowS = () => Math.floor(Date.now() / 1_000)

t.test('a token of each accepted algorithm is let through, and only its key set is asked for', async (t) => {
  const keys = await Promise.all(algorithms.map((name) => makeKey(name, name)))
  const { issuer, call, backend } = await setJwtScene(t, { keys })
  for (const key of issuer.keys)
    t.same(await call(await issuer.sign({ key })), [200, undefined], key.algorithm)
  t.match(backend.requests[0]?.headers, { 'x-client-id': 'Tracks', 'x-roles': 'USER', 'x-scope': 'read' })
  t.ok(issuer.recorder.requests.every(({ url }) => url === '/jwks'))
})

t.test('a token brings its client’s quota', async (t) => {
  const { issuer, gateway } = await setJwtScene(t)
  const token = await issuer.sign({ claims: { rate_limit: 7, rate_limit_window: 60 } })
  const response = await fetch(`${gateway.url}/api1`, { headers: { authorization: `Bearer ${token}` } })
  t.equal(response.headers.get('x-rate-limit-limit'), '7')
})

t.test('the type, the issuer and the audience may be written as the RFCs allow', async (t) => {
  const { issuer, call } = await setJwtScene(t)
  for (const typ of ['AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])
    t.same(await call(await issuer.sign({ header: { typ } })), [200, undefined], typ)
  t.same(await call(await issuer.sign({ claims: { aud: ['https://other.example', testAudience] } })), [
    200,
    undefined,
  ])
  t.same(await call(await issuer.sign({ claims: { roles: 'EDITOR, USER' } })), [200, undefined])
})

t.test('a token with a claim that is missing or wrong is refused, and the reason is counted', async (t) => {
  const { issuer, call, gateway } = await setJwtScene(t)
  const wrong: readonly [reason: string, claims: Readonly<Record<string, unknown>>][] = [
    ['issuer', { iss: undefined }],
    ['issuer', { iss: `${issuer.url}/` }],
    ['issuer', { iss: [issuer.url] }],
    ['audience', { aud: undefined }],
    ['audience', { aud: 'https://other.example' }],
    ['audience', { aud: [] }],
    ['audience', { aud: { [testAudience]: true } }],
    ['audience', { aud: `${testAudience} x` }],
    ['claims', { exp: undefined }],
    ['claims', { exp: null }],
    ['claims', { exp: String(nowS() + 60) }],
    ['expired', { exp: nowS() - 3_600 }],
    ['expired', { exp: nowS() - 1 }],
    ['expired', { exp: -1 }],
    ['claims', { exp: 1e300 }],
    ['not-yet-valid', { nbf: nowS() + 60 }],
    ['not-yet-valid', { nbf: 'now' }],
    ['not-yet-valid', { iat: nowS() + 60 }],
    ['claims', { iat: 'now' }],
    ['claims', { sub: undefined }],
    ['claims', { sub: null }],
    ['claims', { sub: '' }],
    ['claims', { sub: 'a\r\nX-Roles: ADMIN' }],
    ['claims', { client_id: undefined }],
    ['claims', { client_id: 7 }],
    ['claims', { client_id: 'a\r\nX-Roles: ADMIN' }],
    ['claims', { roles: ['USER,ADMIN'] }],
    ['claims', { roles: { USER: true } }],
    ['claims', { roles: Array.from({ length: 101 }, (_, index) => `R${index}`) }],
    ['claims', { scope: 'a"b' }],
    ['claims', { rate_limit: -1 }],
    ['claims', { rate_limit: '1000' }],
    ['claims', { rate_limit: 10, rate_limit_window: 0 }],
    ['bound', { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }],
    ['bound', { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }],
    ['bound', { cnf: {} }],
  ]
  const expected = new Map<string, number>()
  for (const [reason, claims] of wrong) {
    t.same(await call(await issuer.sign({ claims })), refused, `${reason}: ${JSON.stringify(claims)}`)
    expected.set(reason, (expected.get(reason) ?? 0) + 1)
  }
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  for (const [reason, count] of expected)
    t.match(metrics, `passerelle_token_refusals_total{reason="${reason}"} ${count}\n`)
})

t.test('clocks may differ where a token begins, and never where it ends', async (t) => {
  const { issuer, call } = await setJwtScene(t, { clockTolerance: '30s' })
  t.same(await call(await issuer.sign({ claims: { nbf: nowS() + 20, iat: nowS() + 20 } })), [200, undefined])
  t.same(await call(await issuer.sign({ claims: { exp: nowS() - 1 } })), refused)
})

t.test('a token with another header is refused', async (t) => {
  const { issuer, call } = await setJwtScene(t)
  const mine = await makeKey('ES256', 'first')
  const headers = [
    { typ: 'JWT' },
    { typ: undefined },
    { typ: 'at+jwt;x' },
    { typ: ['at+jwt'] as unknown as string },
    { kid: 7 as unknown as string },
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: true },
  ]
  for (const header of headers)
    t.same(await call(await signAnyhow(issuer, header)), refused, JSON.stringify(header))
  const brought = { jwk: mine.jwk, jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/x5u' }
  t.same(
    await call(await issuer.sign({ header: brought, key: mine })),
    refused,
    'a key that the token brings',
  )
  t.same(
    await call(await issuer.sign({ header: brought })),
    [200, undefined],
    'ignored where the signature is good',
  )
})

/** Signs a header that jose would not sign. */
async function signAnyhow(issuer: TestIssuer, header: Readonly<Record<string, unknown>>): Promise<string> {
  const [, payload = ''] = (await issuer.sign()).split('.')
  const [key] = issuer.keys
  if (key === undefined) throw new Error('the issuer has no key')
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'first', ...header })}.${payload}`
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    key.privateKey as Parameters<typeof crypto.subtle.sign>[1],
    Buffer.from(input),
  )
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('what is no JWT, or no token of one spelling, is refused', async (t) => {
  const { issuer, call } = await setJwtScene(t)
  const good = await issuer.sign()
  t.same(await call(good), [200, undefined])
  const [header = '', payload = '', signature = ''] = good.split('.')
  const spareBits = signature.replace(/.$/, (last) =>
    last === 'A' ? 'B' : 'AQgw'.includes(last) ? `${String.fromCharCode(last.charCodeAt(0) + 1)}` : last,
  )
  for (const token of [
    'opaque',
    '..',
    'a.b.c',
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature}.`,
    `${header}.${payload}.${signature}==`,
    `${header}.${encode({ client_id: 'Tracks' })}.${signature}`,
    `${encode([])}.${payload}.${signature}`,
    `${Buffer.from('{').toString('base64url')}.${payload}.${signature}`,
    `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
  ])
    t.same(await call(token), refused, token.slice(0, 20))
  if (spareBits !== signature) t.same(await call(`${header}.${payload}.${spareBits}`), refused, 'unused bits')
  const long = await issuer.sign({ claims: { pad: 'x'.repeat(4_000) } })
  t.same(await call(long), [400, 'token-malformed'])
})

t.test('the algorithm is chosen by the configuration, never by the token', async (t) => {
  const rsa = await makeKey('RS256', 'rsa')
  const { issuer, call } = await setJwtScene(t, { keys: [rsa] })
  const [, payload = ''] = (await issuer.sign()).split('.')
  for (const alg of ['none', 'None', 'NONE', 'nOnE', ''])
    for (const signature of ['', 'x', 'AAAA'])
      t.same(await call(`${encode({ alg, typ: 'at+jwt' })}.${payload}.${signature}`), refused)
  // The public key, which everybody has, taken for the secret of an HMAC.
  for (const secret of [JSON.stringify(rsa.jwk), rsa.jwk.n ?? '', pem(rsa.jwk)]) {
    const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: 'rsa' })}.${payload}`
    const mac = createHmac('sha256', secret).update(input).digest('base64url')
    t.same(await call(`${input}.${mac}`), refused)
  }
  const other = await makeKey('RS384', 'rsa')
  t.same(await call(await issuer.sign({ key: other })), refused, 'RS384 is not among the accepted')
  t.same(await call(await issuer.sign({ header: { alg: 'RS256' } })), [200, undefined])
})

function pem(jwk: JWK): string {
  return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
}

t.test('nothing of a token and of its claims is in the log', async (t) => {
  const { issuer, call, gateway } = await setJwtScene(t)
  const secret = 'SENTINEL0claim0SENTINEL'
  for (const claims of [
    { aud: secret },
    { client_id: `${secret}\n` },
    { exp: 1, sub: secret },
    { iss: secret },
  ]) {
    const token = await issuer.sign({ claims })
    t.same(await call(token), refused)
    t.notOk(gateway.logLines.join('').includes(token.slice(-40)))
  }
  t.notOk(gateway.logLines.join('').includes(secret))
})
