import t from 'tap'
import { hashCredential } from '../../../oauth-server/credentials.ts'
import { createAdmin } from '../../support/admin-client.ts'
import { obtainTokens, startTestServer, withSecret } from '../../support/oauth-server.ts'

const passwordHash = `$scrypt$ln=15,r=8,p=3$${'S'.repeat(22)}$${'E'.repeat(43)}`

t.test('A21: every route that changes something writes one entry, and no secret is in any', async (t) => {
  const server = await startTestServer(t)
  const { call, id: admin, token } = await createAdmin(server)
  const secrets: string[] = [token, passwordHash, 'sentinel-password']
  const made = await call('POST /clients?create_roles=true', { name: 'App', roles: ['USER'] })
  secrets.push(made.body.client_secret)
  const app = String(made.body.client_id)
  const partner = await server.registry.show(app)
  const obtain = async () => {
    const tokens = await obtainTokens(
      server,
      withSecret({ client: partner, secret: made.body.client_secret }),
    )
    secrets.push(tokens.access_token)
    return String((await call(`GET /clients/${app}/tokens`)).body.items[0].id)
  }
  const ann = String((await call('POST /users', { username: 'ann', password: 'sentinel-password' })).body.id)
  const idOfSecret = async () => String((await call(`GET /clients/${app}/secrets`)).body.items[1].id)
  /** Each with how it is called, in an order in which each changes something. */
  const changes: readonly (readonly [
    string,
    string,
    ((() => unknown) | undefined)?,
    (() => Promise<string>)?,
  ])[] = [
    ['POST', '/clients', () => ({ name: 'Other' })],
    ['PATCH', `/clients/${app}`, () => ({ name: 'Renamed' })],
    ['POST', `/clients/${app}/secrets`],
    ['DELETE', `/clients/${app}/secrets/:last`, undefined, idOfSecret],
    ['DELETE', `/clients/${app}/tokens/:last`, undefined, obtain],
    ['DELETE', `/clients/${app}/tokens`],
    ['POST', `/clients/${app}/disable`],
    ['POST', `/clients/${app}/enable`],
    ['DELETE', `/clients/${app}`],
    ['POST', '/users', () => ({ username: 'bob', password: 'sentinel-password' })],
    ['PATCH', `/users/${ann}`, () => ({ display_name: 'Ann' })],
    ['PUT', `/users/${ann}/password`, () => ({ password: 'sentinel-password' })],
    ['POST', `/users/${ann}/disable`],
    ['POST', `/users/${ann}/enable`],
    ['DELETE', `/users/${ann}/tokens`],
    ['POST', '/users/bulk', () => `{"username":"carl","password_hash":"${passwordHash}"}\n`],
    ['DELETE', `/users/${ann}`],
    ['POST', '/roles', () => ({ name: 'EDITOR' })],
    ['PATCH', '/roles/EDITOR', () => ({ description: 'x' })],
    ['DELETE', '/roles/EDITOR'],
    ['POST', '/plans', () => ({ id: 'gold', name: 'Gold', rate_limit: 1, rate_limit_window: 1 })],
    ['PATCH', '/plans/gold', () => ({ rate_limit: 2 })],
    ['DELETE', '/plans/gold'],
    ['POST', '/resources', () => ({ uri: 'https://api.example/', name: 'API' })],
    ['DELETE', '/resources?uri=https%3A%2F%2Fapi.example%2F'],
  ]
  const entries = () => server.db.selectFrom('audit_entries').selectAll().orderBy('at').execute()
  for (const [method, path, body, last] of changes) {
    const place = last === undefined ? path : path.replace(':last', await last())
    const before = new Set((await entries()).map(({ id }) => id))
    server.clock.now += 1_000
    const type = path.endsWith('/bulk') ? { 'content-type': 'application/x-ndjson' } : {}
    const answer = await call(`${method} ${place}`, body?.(), type)
    t.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    if (answer.body.client_secret) secrets.push(answer.body.client_secret)
    const written = (await entries()).filter(({ id }) => !before.has(id))
    t.match(written, [{ actor: admin, address: '127.0.0.1', at: server.clock.now }], `${method} ${path}`)
    t.equal(written.length, 1, `${method} ${path} writes one entry`)
  }
  await t.test('and none is left out', async (t) => {
    const { paths } = (await call('GET /openapi.json')).body
    const mutating = Object.entries(paths as object).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((method) => method !== 'get')
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    const covered = new Set(
      changes.map(
        ([method, path]) => `${method} ${path.replace(app, '{id}').replace(ann, '{id}').replace(/\?.*/, '')}`,
      ),
    )
    const shape = (route: string) => route.replaceAll(/\{\w+\}|:last|EDITOR|gold/g, '{}')
    const left = mutating.map(shape).filter((route) => ![...covered].map(shape).includes(route))
    // A user's single token goes the way of a client's.
    t.strictSame(left, ['DELETE /users/{}/tokens/{}'])
  })
  const trail = JSON.stringify(await entries())
  const answers = JSON.stringify((await call('GET /audit?limit=200')).body)
  const log = server.logLines.join('')
  for (const secret of secrets)
    for (const sentinel of [secret, secret.slice(4), hashCredential(secret)])
      for (const [place, text] of Object.entries({ trail, answers, log }))
        t.notOk(text.includes(sentinel), `no secret in the ${place}`)
})

t.test('A20: a secret is in the answer that makes it, and in no other', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  const { body } = await call('POST /clients', { name: 'App' })
  const second = (await call(`POST /clients/${body.client_id}/secrets`, { older_expires_in: 60 })).body
  t.match(body.client_secret, /^psk_\w{43}$/)
  const looks = ['/clients', `/clients/${body.client_id}`, `/clients/${body.client_id}/secrets`, '/audit']
  for (const path of looks) {
    const text = JSON.stringify((await call(`GET ${path}`)).body)
    for (const secret of [body.client_secret, second.client_secret])
      t.notOk(text.includes(secret) || text.includes(hashCredential(secret)), path)
  }
  const token = (secret: string) =>
    server.post('/oauth/token', {
      grant_type: 'client_credentials',
      client_id: body.client_id,
      client_secret: secret,
    })
  t.equal((await token(body.client_secret)).status, 200, 'both are good for a while')
  t.equal((await token(second.client_secret)).status, 200)
  server.clock.now += 60_000
  t.equal((await token(body.client_secret)).status, 401, 'then the older one is not')
  t.equal((await token(second.client_secret)).status, 200)
  await server.registry.create(
    {
      name: 'Later admin',
      roles: [],
      scopes: ['admin'],
      quota: { limit: 1, windowMs: 1_000 },
      grantTypes: ['client_credentials'],
    },
    { id: 'test', address: null },
  )
  const revoked = await call(`DELETE /clients/${body.client_id}/secrets/${second.id}?revoke_tokens=true`)
  t.equal(revoked.status, 204)
  t.equal((await token(second.client_secret)).status, 401, 'and at once where it is revoked')
  t.strictSame((await call(`GET /clients/${body.client_id}/tokens`)).body.items, [])
})
