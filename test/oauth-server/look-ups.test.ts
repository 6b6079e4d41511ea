import t from 'tap'
import type { NewClient } from '../../oauth-server/clients/client-registry.ts'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import {
  basic,
  formCredentials,
  obtainTokens,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../support/oauth-server.ts'

function verify(server: TestServer, token: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${server.url}/oauth/verifToken?access_token=${encodeURIComponent(token)}`, { headers })
}

t.test("verifToken answers in the original's shape, with the scope and the window besides", async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const partner = await server.create({ roles: ['USER', 'EDITOR'], scopes: ['user', 'stats'] })
  const { access_token } = await obtainTokens(server, partner)
  server.clock.now += 100_500
  const response = await verify(server, access_token, basic(gateway))
  t.equal(response.status, 200)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.strictSame(await response.json(), {
    client: partner.client.id,
    rateLimit: 1_000,
    rateLimitWindow: 3_600,
    expires: 3_499,
    roles: 'EDITOR,USER',
    scope: 'stats user',
  })
})

const films = 'https://films.example.org'
const stats = 'https://stats.example.org'

t.test('A15: introspection says the same in the shape of RFC 7662', async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const partner = await server.create({ roles: ['USER', 'EDITOR'], scopes: ['user', 'stats'] })
  const { access_token } = await obtainTokens(server, partner)
  const iat = Math.floor(server.clock.now / 1_000)
  for (const byForm of [true, false]) {
    const form = { token: access_token, token_type_hint: 'refresh_token' }
    const response = byForm
      ? await server.post('/oauth/introspect', { ...form, ...formCredentials(gateway) })
      : await server.post('/oauth/introspect', form, basic(gateway))
    t.equal(response.status, 200)
    t.strictSame(await response.json(), {
      active: true,
      client_id: partner.client.id,
      sub: partner.client.id,
      iss: server.url,
      scope: 'stats user',
      exp: iat + 3_600,
      iat,
      token_type: 'bearer',
      roles: ['EDITOR', 'USER'],
      rate_limit: 1_000,
      rate_limit_window: 3_600,
    })
  }
})

t.test('A16: verifToken and introspection say the same of every token, for every asker', async (t) => {
  const server = await startTestServer(t)
  for (const uri of [films, stats])
    await new ResourceRegistry(server.db, new Changes(server.db, () => 1)).create({ uri, name: uri }, tester)
  const askers = [
    await server.create(resourceServer),
    await server.create({ ...resourceServer, audiences: [films] }),
  ]
  const grantTypes = ['client_credentials', 'refresh_token'] as const
  const makers: readonly Partial<NewClient>[] = [
    {},
    { roles: ['USER', 'EDITOR'], scopes: ['stats', 'user'], grantTypes },
    { audiences: [films, stats], tokenFormat: 'jwt', roles: [] },
    { audiences: [stats], quota: { limit: 7, windowMs: 2_000 }, accessTokenLifetimeMs: 5_000 },
  ]
  const tokens: string[] = ['nonsense']
  for (const wanted of makers) {
    const { access_token, refresh_token } = await obtainTokens(server, await server.create(wanted))
    tokens.push(access_token, ...(refresh_token ? [refresh_token] : []))
  }
  let seen = 0
  for (const later of [0, 5_000, 3_600_000]) {
    server.clock.now += later
    for (const token of tokens)
      for (const asker of askers) {
        const verified = await verify(server, token, basic(asker))
        const inspected = await server.post('/oauth/introspect', { token }, basic(asker))
        const facts = (await inspected.json()) as Record<string, unknown>
        t.equal(verified.status === 200, facts.active)
        if (facts.active !== true) continue
        seen += 1
        const old = (await verified.json()) as Record<string, unknown>
        t.strictSame(
          [old.client, old.scope, old.rateLimit, old.rateLimitWindow, old.roles],
          [
            facts.client_id,
            facts.scope,
            facts.rate_limit,
            facts.rate_limit_window,
            [facts.roles].flat().join(','),
          ],
        )
        const endS = Math.floor(server.clock.now / 1_000) + Number(old.expires)
        t.ok(Math.abs(endS - Number(facts.exp)) <= 1, 'the same end, within the rounding')
      }
  }
  t.equal(seen, 13, 'those that live, by those who may see them')
})

t.test('A15, A16: a token that cannot be used is told without why', async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const partner = await server.create({ grantTypes: ['client_credentials', 'refresh_token'] })
  const disabled = await server.create()
  const expired = await obtainTokens(server, partner)
  server.clock.now += 3_600_000
  const live = await obtainTokens(server, partner)
  const ofDisabled = await obtainTokens(server, disabled)
  await server.db
    .updateTable('clients')
    .set({ disabled_at: 1 })
    .where('id', '=', disabled.client.id)
    .execute()
  const tokens = {
    'an unknown token': 'pat_0000000000000000000000000000000000000000000',
    'not a token at all': "' or 1=1 --",
    'an expired token': expired.access_token,
    'a refresh token': live.refresh_token,
    'a token of a disabled client': ofDisabled.access_token,
    "the token's beginning": live.access_token.slice(0, -1),
    'the token in another case': live.access_token.toUpperCase(),
  }
  for (const [title, token] of Object.entries(tokens)) {
    const verified = await verify(server, token, basic(gateway))
    t.equal(verified.status, 401, title)
    t.equal(
      verified.headers.get('www-authenticate'),
      'Bearer realm="passerelle", error="invalid_token"',
      title,
    )
    t.match(await verified.json(), { error: 'invalid_token' }, title)
    const inspected = await server.post('/oauth/introspect', { token }, basic(gateway))
    t.equal(inspected.status, 200, title)
    t.equal(await inspected.text(), '{"active":false}', title)
  }
  t.equal((await verify(server, live.access_token, basic(gateway))).status, 200, 'the live one can be used')
})

t.test('a token works until its last second and not after it', async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const { access_token } = await obtainTokens(server, await server.create())
  server.clock.now += 3_600_000 - 1
  t.match(await (await verify(server, access_token, basic(gateway))).json(), { expires: 0 })
  server.clock.now += 1
  t.equal((await verify(server, access_token, basic(gateway))).status, 401)
})

t.test('A15, A16: only a client with the scope introspect may look tokens up', async (t) => {
  const server = await startTestServer(t)
  const partner = await server.create()
  const { access_token } = await obtainTokens(server, partner)
  const verified = await verify(server, access_token, basic(partner))
  t.equal(verified.status, 403)
  t.match(await verified.json(), { error: 'insufficient_scope' })
  const inspected = await server.post('/oauth/introspect', { token: access_token }, basic(partner))
  t.equal(inspected.status, 403)
  t.match(await inspected.json(), { error: 'insufficient_scope' })
})

t.test('A15, A16: a caller that does not authenticate is told so by a Basic challenge', async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const { access_token } = await obtainTokens(server, await server.create())
  const query = new URLSearchParams({ access_token, ...formCredentials(gateway) })
  const answers = [
    await verify(server, access_token, {}),
    await verify(server, access_token, { authorization: `Bearer ${access_token}` }),
    await fetch(`${server.url}/oauth/verifToken?${query}`),
    await server.post('/oauth/introspect', { token: access_token }),
    await server.post(`/oauth/introspect?${query}`, { token: access_token }),
  ]
  for (const response of answers) {
    t.equal(response.status, 401)
    t.match(response.headers.get('www-authenticate'), /^Basic /)
    t.match(await response.json(), { error: 'invalid_client' })
  }
})

t.test('a look-up without a token, or with two, is an invalid request', async (t) => {
  const server = await startTestServer(t)
  const headers = basic(await server.create(resourceServer))
  for (const query of [
    '',
    '?',
    '?access_token=',
    '?access_token=a&access_token=b',
    '?access_token=%ED%A0%80',
  ]) {
    const response = await fetch(`${server.url}/oauth/verifToken${query}`, { headers })
    t.equal(response.status, 400, query)
    t.match(await response.json(), { error: 'invalid_request' })
  }
  t.equal((await server.post('/oauth/introspect', {}, headers)).status, 400)
})

t.test('HEAD looks nothing up', async (t) => {
  const server = await startTestServer(t)
  const headers = basic(await server.create(resourceServer))
  const response = await fetch(`${server.url}/oauth/verifToken?access_token=x`, { method: 'HEAD', headers })
  t.equal(response.status, 405)
  t.equal(response.headers.get('allow'), 'GET')
})
