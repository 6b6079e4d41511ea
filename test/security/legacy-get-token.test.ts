/**
 * The original platform gave out tokens by GET, with the client's secret in the URL. Where that is still allowed, somebody
 * makes a browser, a crawler or a prefetch ask for one, asks in plain text, or looks for the secret where URLs end up.
 */
import t from 'tap'
import { buildApp } from '../../oauth-server/app.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { createServices } from '../../oauth-server/services.ts'
import { captureLog } from '../support/captured-log.ts'
import { type ClientWithSecret, startTestServer, type TestServer } from '../support/oauth-server.ts'
import { sendRaw } from '../support/raw-client.ts'

const switchedOn = {
  trustedProxies: ['127.0.0.1'],
  legacyGetToken: { sunsetMs: Date.UTC(2027, 11, 31) },
}
const overTls = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '198.51.100.1' }

function urlOf(server: TestServer, { client, secret }: ClientWithSecret, more = 'grant_type=credentials') {
  return `${server.url}/oauth/token?client_id=${client.id}&client_secret=${secret}&${more}`
}

async function tokenCount(server: TestServer): Promise<number> {
  return (await server.db.selectFrom('access_tokens').select('hash').execute()).length
}

t.test('the request of old gets the answer of old', async (t) => {
  const server = await startTestServer(t, switchedOn)
  const client = await server.create({
    allowsGetToken: true,
    roles: ['USER'],
    grantTypes: ['client_credentials', 'refresh_token'],
  })
  for (const grant of ['grant_type=credentials', 'grant_type=client_credentials&scope=user']) {
    const response = await fetch(urlOf(server, client, grant), { headers: overTls })
    t.equal(response.status, 200)
    const body = (await response.json()) as Record<string, unknown>
    t.match(body, { access_token: /^pat_/ })
    t.strictSame(
      { ...body, access_token: '' },
      {
        access_token: '',
        expires_in: 3_600,
        token_type: 'bearer',
        scope: 'user',
        roles: ['USER'],
        rate_limit: 1_000,
      },
    )
    t.match(Object.fromEntries(response.headers), {
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      deprecation: /^@\d+$/,
      sunset: 'Fri, 31 Dec 2027 00:00:00 GMT',
      link: /rel="deprecation"/,
    })
  }
  t.same(await server.db.selectFrom('refresh_tokens').selectAll().execute(), [], 'never a refresh token')
})

t.test('it takes both the server’s switch and the client’s', async (t) => {
  const off = await startTestServer(t)
  const on = await startTestServer(t, switchedOn)
  const cases = [
    [off, await off.create({ allowsGetToken: true })],
    [on, await on.create()],
  ] as const
  for (const [server, client] of cases) {
    const response = await fetch(urlOf(server, client), { headers: overTls })
    t.equal(response.status, 405)
    t.equal(response.headers.get('allow'), 'POST')
    t.match(await response.json(), { error: 'invalid_request' })
    t.equal(await tokenCount(server), 0)
  }
  const [, flagless] = cases[1]
  const guess = await fetch(urlOf(on, { ...flagless, secret: 'x' }), { headers: overTls })
  t.equal(guess.status, 401, 'who has not the secret does not learn of the flag')
})

t.test('nothing but the four parameters, over TLS and from no browser, gets a token', async (t) => {
  const server = await startTestServer(t, switchedOn)
  const client = await server.create({
    allowsGetToken: true,
    grantTypes: ['client_credentials', 'refresh_token'],
  })
  const id = `client_id=${client.client.id}`
  const queries = {
    'a repeated parameter': `grant_type=credentials&${id}`,
    'a repeated grant type': 'grant_type=credentials&grant_type=credentials',
    'a code': 'grant_type=authorization_code&code=x',
    'a refresh token': 'grant_type=refresh_token&refresh_token=x',
    'a refresh token besides': 'grant_type=credentials&refresh_token=x',
    'a password': 'grant_type=password&username=a&password=b',
    'a password without one': 'grant_type=password',
    'a refresh without a token': 'grant_type=refresh_token',
    'an assertion': 'grant_type=credentials&client_assertion=x',
    'no grant type': '',
    'another scope': 'grant_type=credentials&scope=admin',
  }
  for (const [title, query] of Object.entries(queries)) {
    const response = await fetch(urlOf(server, client, query), { headers: overTls })
    t.equal(response.status, 400, title)
  }
  const headers: Record<string, Record<string, string>> = {
    'plain text': { 'x-forwarded-proto': 'http' },
    'no word of TLS': {},
    'TLS for a part of the way': { 'x-forwarded-proto': 'https, http' },
    'an Authorization header': { ...overTls, authorization: 'Basic eDp5' },
    'an empty Authorization header': { ...overTls, authorization: '' },
    'another origin': { ...overTls, origin: 'https://evil.example' },
    'a page': { ...overTls, 'sec-fetch-site': 'cross-site' },
    'a page of its own': { ...overTls, 'sec-fetch-site': 'same-site' },
    'a prefetch': { ...overTls, 'sec-purpose': 'prefetch' },
    'a prerender': { ...overTls, 'sec-purpose': 'prefetch;prerender' },
    'a prefetch of old': { ...overTls, purpose: 'prefetch' },
  }
  for (const [title, sent] of Object.entries(headers)) {
    const response = await fetch(urlOf(server, client), { headers: sent })
    t.equal(response.status, 400, title)
    t.match(await response.json(), { error: 'invalid_request' }, title)
  }
  const path = urlOf(server, client).slice(server.url.length)
  const head = `Host: x\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n`
  const withBody = `GET ${path} HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\na=b`
  t.equal((await sendRaw(server.url, withBody)).status, 400, 'a body')
  const chunked = `GET ${path} HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
  t.equal((await sendRaw(server.url, chunked)).status, 400, 'a body in chunks')
  for (const method of ['HEAD', 'PUT', 'DELETE'])
    t.equal((await fetch(urlOf(server, client), { method, headers: overTls })).status, 405, method)
  t.equal(await tokenCount(server), 0, 'not one token came of all this')
  t.equal((await fetch(urlOf(server, client), { headers: overTls })).status, 200, 'and the plain one works')
})

t.test('a claim of TLS counts from a trusted proxy alone', async (t) => {
  const server = await startTestServer(t, { ...switchedOn, trustedProxies: ['192.0.2.1'] })
  const client = await server.create({ allowsGetToken: true })
  t.equal((await fetch(urlOf(server, client), { headers: overTls })).status, 400)
})

t.test('its tokens live an hour at most', async (t) => {
  const server = await startTestServer(t, { ...switchedOn, accessTokenLifetimeMs: 86_400_000 })
  for (const [ownMs, expected] of [
    [null, 3_600],
    [7_200_000, 3_600],
    [60_000, 60],
  ] as const) {
    const client = await server.create({ allowsGetToken: true, accessTokenLifetimeMs: ownMs })
    const response = await fetch(urlOf(server, client), { headers: overTls })
    t.match(await response.json(), { expires_in: expected })
    const row = await server.db
      .selectFrom('access_tokens')
      .select(['expires_at', 'issued_at'])
      .where('client_id', '=', client.client.id)
      .executeTakeFirstOrThrow()
    t.equal(row.expires_at - row.issued_at, expected * 1_000)
  }
})

t.test('each client has its own sixty a minute, and wrong secrets count as everywhere', async (t) => {
  const failureLimits = { windowMs: 60_000, perClientAndAddress: 3, perAddress: 100, perClient: 100 }
  const server = await startTestServer(t, { ...switchedOn, failureLimits })
  const client = await server.create({ allowsGetToken: true })
  const other = await server.create({ allowsGetToken: true })
  const statuses = []
  for (let i = 0; i < 61; i += 1)
    statuses.push((await fetch(urlOf(server, client), { headers: overTls })).status)
  t.same(statuses, [...Array(60).fill(200), 429])
  const refused = await fetch(urlOf(server, client), { headers: overTls })
  t.equal(refused.headers.get('retry-after'), '60')
  t.equal((await fetch(urlOf(server, other), { headers: overTls })).status, 200)
  const posted = await server.post('/oauth/token', {
    grant_type: 'client_credentials',
    client_id: client.client.id,
    client_secret: client.secret,
  })
  t.equal(posted.status, 200, 'POST is another matter')
  const wrong = { ...other, secret: 'x' }
  const guesses = []
  for (let i = 0; i < 4; i += 1)
    guesses.push((await fetch(urlOf(server, wrong), { headers: overTls })).status)
  t.same(guesses, [401, 401, 401, 429])
})

t.test('neither secret nor token is in a log or an error', async (t) => {
  const server = await startTestServer(t, switchedOn)
  const client = await server.create({ allowsGetToken: true })
  const tokens: string[] = []
  const bodies: string[] = []
  for (const more of [
    'grant_type=credentials',
    'grant_type=x',
    'x=1',
    '%',
    'a=%zz',
    'grant_type=credentials&',
  ])
    for (const headers of [overTls, {}]) {
      const text = await (await fetch(urlOf(server, client, more), { headers })).text()
      const { access_token } = JSON.parse(text) as { access_token?: string }
      if (access_token === undefined) bodies.push(text)
      else tokens.push(access_token)
    }
  t.equal(tokens.length, 2)
  const seen = [...server.logLines, ...bodies].join('')
  for (const secret of [client.secret, ...tokens]) t.notOk(seen.includes(secret))
  t.match(server.logLines.join(''), /"path":"\/oauth\/token"/, 'although the request was logged')
})

t.test('the figures tell which clients still ask so', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ allowsGetToken: true })
  const { log } = captureLog()
  const settings = defaultOAuthServerSettings({
    ...switchedOn,
    database: server.database.url,
    failureLimits: { windowMs: 60_000, perClientAndAddress: 1, perAddress: 2, perClient: 2 },
  })
  const means = { settings, db: server.db, now: Date.now, log, url: () => server.url }
  const { endpoints } = createServices(means)
  const app = buildApp(endpoints, log)
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const ask = (asking: ClientWithSecret) => fetch(urlOf({ ...server, url }, asking), { headers: overTls })
  t.equal((await ask(client)).status, 200)
  for (const expected of [401, 429]) t.equal((await ask({ ...client, secret: 'x' })).status, expected)
  const text = await endpoints.metrics.render()
  t.ok(text.includes(`\npasserelle_oauth_get_tokens_total{client_id="${client.client.id}"} 1\n`))
  t.match(text, /^passerelle_oauth_failed_authentications_total 1$/m)
  t.match(text, /^passerelle_oauth_authentications_refused_total\{limit="client_and_address"\} 1$/m)
})
