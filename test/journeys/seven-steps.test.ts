/*
 * The original platform's wire, step by step, against the whole platform as `npm start` runs it: what a partner of 2014
 * does still works, and what it must not do is refused.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startTestPlatform } from '../support/platform.ts'

t.test('the seven steps of the original', async (t) => {
  const platform = await startTestPlatform(t)
  const { id, secret } = platform.clients.demo

  // 1. The partner trades its credentials for a token.
  const answer = await fetch(`${platform.oauthServer.url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: id, client_secret: secret, grant_type: 'client_credentials' }),
  })
  const token = (await answer.json()) as Record<string, unknown>
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(token, { expires_in: 3600, token_type: 'bearer', scope: 'user', roles: ['USER'], rate_limit: 20 })
  t.match(token, { access_token: /^[A-Za-z0-9_]{40,}$/, refresh_token: /^[A-Za-z0-9_]{40,}$/ })

  // 2. It calls an API with it; 3. the gateway, which does not know the token, asks once; 4. and counts.
  const call = () => fetch(`${platform.url}/api1/programs?access_token=${token.access_token}`)
  const first = await call()
  t.equal(first.status, 200)
  t.equal(first.headers.get('x-rate-limit-limit'), '20')
  t.equal(first.headers.get('x-rate-limit-remaining'), '19')
  const reset = Number(first.headers.get('x-rate-limit-reset'))
  t.ok(
    reset > Date.now() / 1_000 && reset <= Date.now() / 1_000 + 61,
    'reset is in epoch seconds, within the window',
  )
  t.equal(platform.countSubRequests(), 1)

  // 5. The backend knows the role, and answers in {json:api}; 6. caches may keep it for those of the same roles.
  t.equal(first.headers.get('content-type'), 'application/vnd.api+json')
  t.match(first.headers.get('vary') ?? '', /\bX-Roles\b/)
  t.equal(first.headers.get('cache-control'), 'max-age=60, public, s-maxage=60')
  const document = (await first.json()) as { data: { type: string }[] }
  t.ok(document.data.length > 0 && document.data.every((each) => each.type === 'programs'))

  // 7. Over its quota it is refused.
  const statuses = []
  for (let i = 0; i < 21; i += 1) statuses.push((await call()).status)
  t.same(statuses, [...Array(19).fill(200), 429, 429])
  t.equal(platform.countSubRequests(), 1, 'and all that was one sub-request')
})

t.test('a token that was fetched through the gateway is known before its first call', async (t) => {
  const platform = await startTestPlatform(t)
  const { id, secret } = platform.clients.demo
  const fetchToken = async () => {
    const answer = await fetch(`${platform.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    t.equal(answer.status, 200)
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const call = async (token: string) =>
    (await fetch(`${platform.url}/api1`, { headers: { authorization: `Bearer ${token}` } })).status
  const token = await fetchToken()
  while (platform.countSubRequests() < 1) await sleep(5)
  t.equal(await call(token), 200)
  t.equal(platform.countSubRequests(), 1, 'the first call asked nobody')
  t.equal(await call(await fetchToken()), 200, 'one that comes at once joins the question under way')
  t.equal(platform.countSubRequests(), 2)
  const refused = await fetch(`${platform.url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ a: 'b' }),
  })
  t.not(refused.status, 200)
  t.equal(platform.countSubRequests(), 2)
  t.notMatch(platform.logLines.join(''), new RegExp(`${token}|${secret}`))
})

t.test('the quota belongs to the client: two tokens share it, and a third does not refill it', async (t) => {
  const platform = await startTestPlatform(t)
  const call = async (token: string) =>
    (await fetch(`${platform.url}/api1`, { headers: { authorization: `Bearer ${token}` } })).status
  const [first, second] = [await platform.getToken(), await platform.getToken()]
  t.not(first, second)
  const statuses = []
  for (let i = 0; i < 10; i += 1) statuses.push(await call(first), await call(second))
  t.same(statuses, Array(20).fill(200))
  t.equal(await call(first), 429)
  t.equal(await call(await platform.getToken()), 429)
})

t.test('1,000 calls are one sub-request, and the 1,001st is over the quota', async (t) => {
  const platform = await startTestPlatform(t)
  const quota = ['--rate-limit', '1000', '--window', '1h']
  const client = await platform.createClient(['--name', 'Tracks', '--roles', 'USER', ...quota])
  const headers = { authorization: `Bearer ${await platform.getToken(client)}` }
  const statuses = new Map<number, number>()
  let last: Response | undefined
  for (let round = 0; round < 20; round += 1) {
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => fetch(`${platform.url}/api1`, { headers })),
    )
    for (const response of responses) {
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      await response.arrayBuffer()
      last = response
    }
  }
  t.same([...statuses], [[200, 1_000]])
  t.equal(last?.headers.get('x-rate-limit-limit'), '1000')
  t.equal(platform.countSubRequests(), 1)
  t.equal((await fetch(`${platform.url}/api1`, { headers })).status, 429)
})

t.test('100 first calls at the same time are one sub-request', async (t) => {
  const platform = await startTestPlatform(t)
  const token = await platform.getToken()
  const call = async () =>
    (await fetch(`${platform.url}/api1`, { headers: { authorization: `Bearer ${token}` } })).status
  const statuses = await Promise.all(Array.from({ length: 100 }, call))
  t.equal(statuses.filter((status) => status === 200).length, 20, 'as many as the quota has')
  t.equal(statuses.filter((status) => status === 429).length, 80)
  t.equal(platform.countSubRequests(), 1)
})

t.test('the open API needs nothing and is counted nowhere', async (t) => {
  const platform = await startTestPlatform(t)
  const response = await fetch(`${platform.url}/api2/channels`)
  t.equal(response.status, 200)
  t.equal(response.headers.get('x-rate-limit-limit'), null)
  t.equal(platform.countSubRequests(), 0)
})

t.test('a forged role opens nothing: the editors’ programmes stay theirs', async (t) => {
  const platform = await startTestPlatform(t)
  const authorization = `Bearer ${await platform.getToken()}`
  const totalOf = async (headers: Record<string, string>) => {
    const response = await fetch(`${platform.url}/api1/programs`, { headers: { authorization, ...headers } })
    return ((await response.json()) as { meta: { total: number } }).meta.total
  }
  const own = await totalOf({})
  for (const name of ['X-Roles', 'x_roles', 'X_ROLES', 'X-ARTE-Roles'])
    t.equal(await totalOf({ [name]: 'EDITOR' }), own)
  const direct = await fetch(`${platform.programs.url}/api1/programs`, { headers: { 'x-roles': 'EDITOR' } })
  t.ok(((await direct.json()) as { meta: { total: number } }).meta.total > own, 'an editor would see more')
})

t.test('each refusal of the platform says what it is and what to do', async (t) => {
  const platform = await startTestPlatform(t)
  const token = await platform.getToken()
  const refusal = async (path: string, authorization?: string) => {
    const response = await fetch(
      platform.url + path,
      authorization === undefined ? {} : { headers: { authorization } },
    )
    const problem = (await response.json()) as Record<string, unknown>
    t.match(problem, { cure: /\w/, request_id: response.headers.get('x-request-id') ?? '-' })
    return [response.status, problem.code]
  }
  t.same(await refusal('/api1'), [401, 'token-missing'])
  t.same(await refusal('/api1', 'Bearer wrong'), [401, 'token-invalid'])
  t.same(await refusal(`/api1?access_token=${token}`, `Bearer ${token}`), [400, 'token-repeated'])
  t.same(await refusal('/api1', 'Bearer a b'), [400, 'token-malformed'])
  t.same(await refusal('/api3', `Bearer ${token}`), [404, 'route-unknown'])
  await platform.programs.close()
  t.same(await refusal('/api1', `Bearer ${token}`), [502, 'backend-unreachable'])
  await platform.oauthServer.close()
  t.same(await refusal('/api1', 'Bearer another'), [503, 'identity-unavailable'])
  t.same(
    await refusal('/api1', `Bearer ${token}`),
    [502, 'backend-unreachable'],
    'a known token is still known',
  )
})

t.test('by introspection the gateway learns the same as by the original’s sub-request', async (t) => {
  const platform = await startTestPlatform(t)
  const { id: clientId, secret: clientSecret } = platform.clients.gateway
  const introspect = { url: `${platform.oauthServer.url}/oauth/introspect`, clientId, clientSecret }
  const backend = await startBackendRecorder()
  const verify = { ...introspect, url: `${platform.oauthServer.url}/oauth/verifToken` }
  const gateways = await Promise.all(
    [{ introspect }, { verify }].map((identity) =>
      startTestGateway({ identity, routes: { '/': { to: backend.url, scopes: ['user'] } } }),
    ),
  )
  t.teardown(() => Promise.all([...gateways, backend].map((server) => server.close())))
  const partner = await platform.createClient([
    '--name',
    'Both',
    '--roles',
    'USER,EDITOR',
    '--rate-limit',
    '7',
  ])
  const headers = { authorization: `Bearer ${await platform.getToken(partner)}` }
  for (const gateway of gateways) {
    const response = await fetch(gateway.url, { headers })
    t.same([response.status, response.headers.get('x-rate-limit-limit')], [200, '7'])
    const seen = backend.requests.at(-1)?.headers
    t.match(seen, { 'x-roles': 'EDITOR,USER', 'x-scope': 'user', 'x-client-id': partner.id })
    t.equal((await fetch(gateway.url, { headers: { authorization: 'Bearer wrong' } })).status, 401)
  }
})

t.test(
  'a gateway whose client may not look tokens up lets nobody in, and calls no token invalid',
  async (t) => {
    const platform = await startTestPlatform(t)
    const { id: clientId, secret: clientSecret } = platform.clients.demo
    for (const [kind, path] of [
      ['verify', '/oauth/verifToken'],
      ['introspect', '/oauth/introspect'],
    ] as const) {
      const identity = { [kind]: { url: platform.oauthServer.url + path, clientId, clientSecret } }
      const gateway = await startTestGateway({ identity, routes: { '/': { to: platform.programs.url } } })
      const headers = { authorization: `Bearer ${await platform.getToken()}` }
      t.equal((await fetch(gateway.url, { headers })).status, 503, kind)
      await gateway.close()
    }
  },
)
