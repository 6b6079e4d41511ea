import t from 'tap'
import { hashCredential } from '../../../oauth-server/credentials.ts'
import { TokenRepository } from '../../../oauth-server/store/token-repository.ts'
import { adminClient, createAdmin } from '../../support/admin-client.ts'
import { obtainTokens, startTestServer } from '../../support/oauth-server.ts'

t.test('A21: the admin API is on a listener of its own, and not on that of clients', async (t) => {
  const server = await startTestServer(t)
  const { token } = await createAdmin(server)
  t.not(server.adminUrl, server.url)
  for (const path of ['/clients', '/users', '/audit', '/openapi.json', '/metrics']) {
    const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })
    t.equal(response.status, 404, path)
  }
  t.equal((await fetch(`${server.adminUrl}/oauth/token`, { method: 'POST' })).status, 401)
  t.equal((await fetch(`${server.adminUrl}/healthz`)).status, 200)
  t.match(await (await fetch(`${server.adminUrl}/metrics`)).text(), /process_cpu_seconds_total/)
})

t.test('A21: without a token of an administrator nothing is told and nothing is done', async (t) => {
  const server = await startTestServer(t)
  const { call, token } = await createAdmin(server)
  const partner = await server.create({ scopes: ['user', 'administrator'] })
  const { access_token: others } = await obtainTokens(server, partner)
  const attempts: readonly (readonly [string | undefined, number, RegExp])[] = [
    [undefined, 401, /^Bearer realm="passerelle admin"$/],
    ['Basic YTpi', 401, /^Bearer realm/],
    ['Bearer', 401, /^Bearer realm/],
    ['Bearer nobody', 401, /error="invalid_token"/],
    [`Bearer ${token}x`, 401, /error="invalid_token"/],
    [`Bearer ${others}`, 403, /error="insufficient_scope", scope="admin admin:read"/],
  ]
  for (const [authorization, status, challenge] of attempts) {
    const response = await fetch(`${server.adminUrl}/clients`, {
      headers: authorization === undefined ? {} : { authorization },
    })
    t.equal(response.status, status, String(authorization))
    t.match(response.headers.get('www-authenticate'), challenge)
    t.equal(response.headers.get('content-type'), 'application/problem+json')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.notMatch(await response.text(), /admin-|tracks-/)
  }
  const paths: object = (await call('GET /openapi.json')).body.paths
  for (const [path, item] of Object.entries(paths))
    for (const method of Object.keys(item)) {
      if (['/healthz', '/metrics', '/openapi.json'].includes(path)) continue
      const url = server.adminUrl + path.replaceAll(/\{\w+\}/g, 'x')
      const response = await fetch(url, { method: method.toUpperCase() })
      t.equal(response.status, 401, `${method} ${path}`)
    }
})

t.test('A21: who may look may change nothing', async (t) => {
  const server = await startTestServer(t)
  const { call, id } = await createAdmin(server, ['admin:read'])
  t.equal((await call('GET /clients')).status, 200)
  for (const [method, path] of [
    ['POST', '/clients'],
    ['PATCH', `/clients/${id}`],
    ['DELETE', `/clients/${id}`],
    ['PUT', '/users/x/password'],
  ] as const)
    t.equal((await call(`${method} ${path}`, {})).status, 403, method)
})

t.test('A21: what is revoked, disabled or expired opens nothing any more', async (t) => {
  const server = await startTestServer(t)
  const [boss, other] = [await createAdmin(server), await createAdmin(server)]
  t.equal((await other.call('GET /clients')).status, 200)
  await boss.call(`DELETE /clients/${other.id}/tokens`)
  t.equal((await other.call('GET /clients')).status, 401)
  server.clock.now += 3_600_000
  t.equal((await boss.call('GET /clients')).status, 401)
})

t.test('A21: a token for other resources, or of a user who is no administrator, opens nothing', async (t) => {
  const server = await startTestServer(t)
  const { id, call } = await createAdmin(server)
  const users = await Promise.all([
    call('POST /users', { username: 'ann', entitlements: ['admin'] }),
    call('POST /users', { username: 'bob', entitlements: ['films'] }),
  ])
  const [ann, bob] = users.map(({ body }) => String(body.id))
  const tokens = new TokenRepository(server.db)
  const look = async (name: string, userId: string | null, audience: readonly string[]) => {
    await tokens.insertAccessToken({
      hash: hashCredential(name),
      lastFour: 'last',
      clientId: id,
      userId,
      familyId: null,
      scope: ['admin'],
      audience,
      issuedAt: server.clock.now,
      expiresAt: server.clock.now + 60_000,
    })
    return (await adminClient(server.adminUrl, name)('GET /clients')).status
  }
  t.equal(await look('for-all', null, []), 200)
  t.equal(await look('for-here', null, [server.url]), 200)
  t.equal(await look('for-there', null, ['https://api.example.org']), 401)
  t.equal(await look('of-ann', ann ?? '', []), 200)
  t.equal(await look('of-bob', bob ?? '', []), 403)
  const made = await adminClient(server.adminUrl, 'of-ann')('POST /roles', { name: 'R' })
  t.equal(made.status, 201)
  t.match((await call('GET /audit?action=role.created')).body.items, [{ actor: ann }])
})
