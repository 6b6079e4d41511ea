import t from 'tap'
import { basic, formCredentials, obtainTokens, startTestServer } from '../support/oauth-server.ts'

t.test('the token endpoint answers with what the partners of the platform know', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ roles: ['USER', 'EDITOR'], quota: { limit: 20, windowMs: 60_000 } })
  const response = await server.post('/oauth/token', {
    grant_type: 'client_credentials',
    ...formCredentials(client),
  })
  t.equal(response.status, 200)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(response.headers.get('pragma'), 'no-cache')
  t.match(response.headers.get('content-type'), /^application\/json/)
  const body = (await response.json()) as Record<string, unknown>
  t.match(body.access_token, /^pat_[A-Za-z0-9]{43}$/)
  t.strictSame(
    { ...body, access_token: '…' },
    {
      access_token: '…',
      expires_in: 3_600,
      token_type: 'bearer',
      scope: 'user',
      roles: ['EDITOR', 'USER'],
      rate_limit: 20,
      rate_limit_window: 60,
    },
  )
})

t.test('expires_in follows the configured lifetime', async (t) => {
  const server = await startTestServer(t, { accessTokenLifetimeMs: 90_000 })
  t.match(await obtainTokens(server, await server.create()), { expires_in: 90 })
})

t.test(
  'a client gets all of its scopes when it asks for none, and those it asks for otherwise',
  async (t) => {
    const server = await startTestServer(t)
    const client = await server.create({ scopes: ['user', 'stats:read'] })
    t.equal((await obtainTokens(server, client)).scope, 'stats:read user')
    t.equal((await obtainTokens(server, client, 'user')).scope, 'user')
    t.equal((await obtainTokens(server, client, 'user user')).scope, 'user')
  },
)

/** What a request sends besides the client's credentials, and how it is refused. */
const refusedForms: readonly (readonly [title: string, form: Record<string, string>, error: string])[] = [
  [
    'a scope that the client does not have',
    { grant_type: 'client_credentials', scope: 'admin' },
    'invalid_scope',
  ],
  [
    'one such scope among good ones',
    { grant_type: 'client_credentials', scope: 'user root' },
    'invalid_scope',
  ],
  ['a malformed scope', { grant_type: 'client_credentials', scope: 'us"er' }, 'invalid_scope'],
  ['a scope of spaces', { grant_type: 'client_credentials', scope: '   ' }, 'invalid_scope'],
  ['no grant type', {}, 'invalid_request'],
  ['an empty grant type, which counts as none', { grant_type: '' }, 'invalid_request'],
  ['the password grant', { grant_type: 'password', username: 'a', password: 'b' }, 'unsupported_grant_type'],
  ['the old name credentials', { grant_type: 'credentials' }, 'unsupported_grant_type'],
  ['a grant type named like a property', { grant_type: '__proto__' }, 'unsupported_grant_type'],
  [
    'a refresh by a client without refresh tokens',
    { grant_type: 'refresh_token', refresh_token: 'x' },
    'unauthorized_client',
  ],
]

t.test('what a client may not have is refused with an RFC 6749 error', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  for (const [title, form, error] of refusedForms) {
    const response = await server.post('/oauth/token', form, basic(client))
    t.equal(response.status, 400, title)
    t.match(await response.json(), { error, error_description: String }, title)
    t.equal(response.headers.get('cache-control'), 'no-store', title)
  }
  t.strictSame(await server.db.selectFrom('access_tokens').selectAll().execute(), [], 'nothing was issued')
})

t.test('methods other than POST are told so, and HEAD mints nothing', async (t) => {
  const server = await startTestServer(t)
  const credentials = new URLSearchParams({
    grant_type: 'client_credentials',
    ...formCredentials(await server.create()),
  })
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const response = await fetch(`${server.url}/oauth/token?${credentials}`, { method })
    t.equal(response.status, 405, method)
    t.equal(response.headers.get('allow'), 'POST', method)
    const body = await response.text()
    if (method !== 'HEAD') t.equal(JSON.parse(body).error, 'invalid_request', method)
  }
  t.strictSame(await server.db.selectFrom('access_tokens').selectAll().execute(), [])
})
