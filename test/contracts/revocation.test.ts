import t from 'tap'
import { databaseKinds } from '../support/databases.ts'
import {
  basic,
  type ClientWithSecret,
  formCredentials,
  obtainTokens,
  publicClient,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../support/oauth-server.ts'

const keyEncryptionKey = Buffer.alloc(32, 7).toString('base64url')

const refreshing = { grantTypes: ['client_credentials', 'refresh_token'] } as const

async function isActive(server: TestServer, gateway: ClientWithSecret, token: string): Promise<boolean> {
  const response = await server.post('/oauth/introspect', { token }, basic(gateway))
  return ((await response.json()) as { active: boolean }).active
}

function refresh(server: TestServer, client: ClientWithSecret, refresh_token: string) {
  return server.post('/oauth/token', { grant_type: 'refresh_token', refresh_token }, basic(client))
}

for (const { name, options, create } of await databaseKinds()) {
  t.test(`A14: ${name}: an access token is revoked by itself, as often as one likes`, options, async (t) => {
    const server = await startTestServer(t, { keyEncryptionKey }, create)
    const gateway = await server.create(resourceServer)
    const client = await server.create(refreshing)
    const tokens = await obtainTokens(server, client)
    const other = await obtainTokens(server, client)
    for (let i = 0; i < 3; i += 1) {
      const response = await server.post('/oauth/revoke', { token: tokens.access_token }, basic(client))
      t.equal(response.status, 200)
      t.equal(await response.text(), '{}')
      t.notOk(await isActive(server, gateway, tokens.access_token))
    }
    t.ok(await isActive(server, gateway, other.access_token), 'another token lives')
    t.equal((await refresh(server, client, tokens.refresh_token)).status, 200, 'and so does the grant')
    const keyed = await server.create({ tokenFormat: 'jwt' })
    const { access_token: jwt } = await obtainTokens(server, keyed)
    t.ok(await isActive(server, gateway, jwt), 'a JWT')
    t.equal((await server.post('/oauth/revoke', { token: jwt }, basic(keyed))).status, 200)
    t.notOk(await isActive(server, gateway, jwt), 'and a JWT dies like any other')
    t.match(await audit(server), [{ action: 'token.revoked', detail: '{"token_type":"access_token"}' }])
  })

  t.test(`A14: ${name}: with a refresh token dies its whole family`, options, async (t) => {
    const server = await startTestServer(t, {}, create)
    const gateway = await server.create(resourceServer)
    const client = await server.create(refreshing)
    const first = await obtainTokens(server, client)
    const other = await obtainTokens(server, client)
    const second = (await (await refresh(server, client, first.refresh_token)).json()) as typeof first
    for (let i = 0; i < 2; i += 1) {
      // The used one, whose successor somebody else may have.
      const form = { token: first.refresh_token, ...formCredentials(client) }
      t.equal((await server.post('/oauth/revoke', form)).status, 200)
    }
    for (const token of [first.access_token, second.access_token])
      t.notOk(await isActive(server, gateway, token))
    t.equal((await refresh(server, client, second.refresh_token)).status, 400)
    t.ok(await isActive(server, gateway, other.access_token), 'another grant of the same client lives')
    const entries = await audit(server)
    t.match(entries, [{ actor: client.client.id, target: `client:${client.client.id}` }])
    t.equal(entries.length, 1, 'what is revoked already is not revoked again')
    const texts = JSON.stringify(entries)
    for (const token of [first.refresh_token, first.access_token]) t.notOk(texts.includes(token))
  })

  t.test(`A14: ${name}: no answer tells of other clients’ tokens, nor harms them`, options, async (t) => {
    const server = await startTestServer(t, {}, create)
    const gateway = await server.create(resourceServer)
    const owner = await server.create(refreshing)
    const thief = await server.create(refreshing)
    const tokens = await obtainTokens(server, owner)
    const presented = [tokens.access_token, tokens.refresh_token, 'pat_unknown', "' or 1=1 --", 'é\u{1f600}']
    const answers = new Set<string>()
    for (const token of presented)
      for (const token_type_hint of ['', 'access_token', 'refresh_token', 'nonsense']) {
        const response = await server.post('/oauth/revoke', { token, token_type_hint }, basic(thief))
        answers.add(`${response.status} ${await response.text()}`)
      }
    t.same([...answers], ['200 {}'])
    t.ok(await isActive(server, gateway, tokens.access_token))
    t.equal((await refresh(server, owner, tokens.refresh_token)).status, 200)
    t.same(await audit(server), [])
  })

  t.test(`A14: ${name}: a hint is never believed`, options, async (t) => {
    const server = await startTestServer(t, {}, create)
    const gateway = await server.create(resourceServer)
    const client = await server.create(refreshing)
    const { access_token } = await obtainTokens(server, client)
    const { refresh_token, access_token: second } = await obtainTokens(server, client)
    const wrong = { token: access_token, token_type_hint: 'refresh_token' }
    t.equal((await server.post('/oauth/revoke', wrong, basic(client))).status, 200)
    const alsoWrong = { token: refresh_token, token_type_hint: 'access_token' }
    t.equal((await server.post('/oauth/revoke', alsoWrong, basic(client))).status, 200)
    for (const token of [access_token, second]) t.notOk(await isActive(server, gateway, token))
  })

  t.test(`A14: ${name}: a refresh at the same moment leaves no token alive`, options, async (t) => {
    const server = await startTestServer(t, {}, create)
    const gateway = await server.create(resourceServer)
    const client = await server.create(refreshing)
    for (let round = 0; round < 5; round += 1) {
      const { refresh_token: token } = await obtainTokens(server, client)
      const [refreshed, revoked] = await Promise.all([
        refresh(server, client, token),
        server.post('/oauth/revoke', { token }, basic(client)),
      ])
      t.equal(revoked.status, 200)
      const { access_token = 'none' } = (await refreshed.json()) as { access_token?: string }
      t.notOk(await isActive(server, gateway, access_token))
    }
  })

  t.test(`A14: ${name}: only an authenticated client revokes, a public one its own`, options, async (t) => {
    const server = await startTestServer(t, {}, create)
    const gateway = await server.create(resourceServer)
    const owner = await server.create(refreshing)
    const { client } = await server.registry.create(publicClient, tester)
    const { access_token } = await obtainTokens(server, owner)
    const { access_token: own } = await obtainTokens(server, owner)
    await server.db
      .updateTable('access_tokens')
      .set({ client_id: client.id })
      .where('last_four', '=', own.slice(-4))
      .execute()
    for (const token of [own, access_token]) {
      t.equal((await server.post('/oauth/revoke', { token })).status, 401, 'nobody')
      t.equal((await server.post('/oauth/revoke', { token, client_id: owner.client.id })).status, 401)
      t.ok(await isActive(server, gateway, token))
    }
    for (const token of [own, access_token])
      t.equal((await server.post('/oauth/revoke', { token, client_id: client.id })).status, 200)
    t.notOk(await isActive(server, gateway, own))
    t.ok(await isActive(server, gateway, access_token))
    const tokenless = await server.post('/oauth/revoke', {}, basic(owner))
    t.equal(tokenless.status, 400)
    t.match(await tokenless.json(), { error: 'invalid_request' })
  })
}

function audit(server: TestServer) {
  return server.db.selectFrom('audit_entries').selectAll().where('action', '=', 'token.revoked').execute()
}
