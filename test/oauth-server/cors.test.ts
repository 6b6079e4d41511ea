import t from 'tap'
import { basic, publicClient, startTestServer, tester } from '../support/oauth-server.ts'

const origin = 'https://player.example'

t.test('A25: applications in browsers read what a public client needs, without credentials', async (t) => {
  const server = await startTestServer(t)
  const { client } = await server.registry.create(publicClient, tester)
  for (const path of ['/oauth/token', '/oauth/revoke']) {
    const preflight = await fetch(server.url + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    })
    t.equal(preflight.status, 204, path)
    t.equal(preflight.headers.get('access-control-allow-origin'), '*')
    t.equal(preflight.headers.get('access-control-allow-methods'), 'POST')
    t.equal(preflight.headers.get('access-control-allow-headers'), 'content-type', 'no Authorization')
    t.equal(preflight.headers.get('access-control-allow-credentials'), null)
    const response = await server.post(path, { token: 'x', client_id: client.id }, { origin })
    t.equal(response.headers.get('access-control-allow-origin'), '*', path)
    t.equal(response.headers.get('access-control-allow-credentials'), null)
    const refused = await server.post(path, { client_id: 'nobody-12345678' }, { origin })
    t.equal(refused.headers.get('access-control-allow-origin'), '*', 'an error can be read too')
  }
})

t.test('A25: metadata and keys can be read from anywhere', async (t) => {
  const server = await startTestServer(t)
  for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/jwks.json']) {
    const response = await fetch(server.url + path, { headers: { origin } })
    t.equal(response.status, 200, path)
    t.equal(response.headers.get('access-control-allow-origin'), '*', path)
  }
})

t.test('A25: no other endpoint is for other origins', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  const places = [
    ['POST', '/oauth/introspect'],
    ['GET', '/oauth/verifToken?access_token=x'],
    ['GET', '/oauth/authorize'],
    ['POST', '/oauth/authorize'],
    ['GET', '/healthz'],
    ['GET', '/oauth/token'],
    ['GET', '/nowhere'],
    ['OPTIONS', '/oauth/token'],
  ] as const
  for (const [method, path] of places) {
    const response = await fetch(server.url + path, { method, headers: { origin, ...basic(client) } })
    t.equal(response.headers.get('access-control-allow-origin'), null, `${method} ${path}`)
    if (path === '/oauth/token') continue
    const headers = { origin, 'access-control-request-method': method }
    const preflight = await fetch(server.url + path, { method: 'OPTIONS', headers })
    t.match(String(preflight.status), /^40[45]$/, `preflight ${path}`)
    t.equal(preflight.headers.get('access-control-allow-origin'), null, `preflight ${path}`)
  }
})
