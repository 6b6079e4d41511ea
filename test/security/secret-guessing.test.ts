/**
 * Somebody guesses secrets, from one address or from many, at whichever endpoint takes credentials; or fails on purpose,
 * so that the real client is locked out.
 */
import t from 'tap'
import {
  basic,
  type ClientWithSecret,
  resourceServer,
  startTestServer,
  type TestServer,
} from '../support/oauth-server.ts'

const limited = {
  trustedProxies: ['127.0.0.1'],
  failureLimits: { windowMs: 60_000, perClientAndAddress: 5, perAddress: 20, perClient: 30 },
}

/** Asks an endpoint as a client at an address, by a right secret or a wrong one. */
function knock(
  server: TestServer,
  path: string,
  { client, secret, address }: ClientWithSecret & { address: string },
) {
  const headers = { ...basic({ client, secret }), 'x-forwarded-for': address }
  if (path === '/oauth/verifToken') return fetch(`${server.url}${path}?access_token=x`, { headers })
  return server.post(path, { token: 'x', grant_type: 'client_credentials' }, headers)
}

const paths = ['/oauth/token', '/oauth/introspect', '/oauth/verifToken', '/oauth/revoke']

t.test('A4: guesses are refused after a few, at every endpoint together', async (t) => {
  const server = await startTestServer(t, limited)
  const gateway = await server.create(resourceServer)
  const wrong = { ...gateway, secret: 'psk_wrong', address: '203.0.113.1' }
  for (let i = 0; i < 5; i += 1) {
    const path = paths[i % paths.length] ?? ''
    t.equal((await knock(server, path, wrong)).status, 401, path)
  }
  server.clock.now += 20_000
  for (const path of paths) {
    const response = await knock(server, path, { ...wrong, secret: gateway.secret })
    t.equal(response.status, 429, `${path}: now the right secret is no use either`)
    t.equal(response.headers.get('retry-after'), '40')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.equal(response.headers.get('www-authenticate'), null)
    t.match(await response.json(), { error: 'temporarily_unavailable', error_description: String })
  }
  t.equal((await knock(server, '/oauth/introspect', { ...gateway, address: '203.0.113.2' })).status, 200)
  server.clock.now += 40_000
  t.equal((await knock(server, '/oauth/introspect', { ...gateway, address: '203.0.113.1' })).status, 200)
})

t.test('A4: a name that nobody has is refused as one that somebody has', async (t) => {
  const server = await startTestServer(t, limited)
  const real = await server.create()
  const made = { client: { ...real.client, id: 'nobody-12345678' }, secret: 'x' }
  const answers: string[] = []
  for (const [client, address] of [
    [{ ...real, secret: 'x' }, '203.0.113.1'],
    [made, '203.0.113.2'],
  ] as const) {
    const told: unknown[] = []
    for (let i = 0; i < 8; i += 1) {
      const response = await knock(server, '/oauth/token', { ...client, address })
      told.push(response.status, response.headers.get('retry-after'), await response.text())
    }
    answers.push(JSON.stringify(told))
  }
  t.equal(answers[0], answers[1])
  t.match(answers[0], /429/)
})

t.test('A4: who fails from many addresses does not lock the client out where it is known', async (t) => {
  const server = await startTestServer(t, limited)
  const client = await server.create()
  t.equal((await knock(server, '/oauth/token', { ...client, address: '198.51.100.1' })).status, 200)
  for (let i = 0; i < 40; i += 1)
    await knock(server, '/oauth/token', { ...client, secret: 'x', address: `203.0.113.${i}` })
  const strange = await knock(server, '/oauth/token', { ...client, secret: 'x', address: '203.0.113.99' })
  t.equal(strange.status, 429)
  t.equal((await knock(server, '/oauth/token', { ...client, address: '198.51.100.1' })).status, 200)
  const other = await server.create()
  t.equal((await knock(server, '/oauth/token', { ...other, address: '203.0.113.99' })).status, 200)
})

t.test('A4: an address that is not a trusted proxy’s cannot claim to be others', async (t) => {
  const server = await startTestServer(t, { ...limited, trustedProxies: ['192.0.2.1'] })
  const client = await server.create()
  for (let i = 0; i < 5; i += 1)
    await knock(server, '/oauth/token', { ...client, secret: 'x', address: `203.0.113.${i}` })
  t.equal((await knock(server, '/oauth/token', { ...client, address: '203.0.113.9' })).status, 429)
})

t.test('A4: an id that cannot be one counts against its address alone', async (t) => {
  const server = await startTestServer(t, limited)
  const client = await server.create()
  const strange = { client: { ...client.client, id: `${'a'.repeat(5_000)}` }, secret: 'x' }
  for (let i = 0; i < 20; i += 1)
    t.equal((await knock(server, '/oauth/token', { ...strange, address: '203.0.113.1' })).status, 401)
  t.equal((await knock(server, '/oauth/token', { ...client, address: '203.0.113.1' })).status, 429)
})
