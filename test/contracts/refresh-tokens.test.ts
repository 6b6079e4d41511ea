import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { defaultOAuthServerSettings, type OAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { TokenIssuer } from '../../oauth-server/grants/token-issuer.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import { captureLog } from '../support/captured-log.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import {
  actForUser,
  basic,
  obtainTokens,
  resourceServer,
  startTestServer,
  type TestServer,
} from '../support/oauth-server.ts'

const refreshing = { grantTypes: ['client_credentials', 'refresh_token'] } as const

interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token: string
  readonly scope: string
  readonly error?: string
}

for (const kind of await databaseKinds())
  t.test(`refresh tokens on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, { create }: DatabaseKind): Promise<void> {
  t.test('A13: a refresh token is given on first demand and exchanged for new tokens', async (t) => {
    const { server, client, refresh } = await start(t)
    const first = await obtainTokens(server, client)
    t.match(first.refresh_token, /^prt_[A-Za-z0-9]{43}$/)
    const { status, body } = await refresh(first.refresh_token)
    t.equal(status, 200)
    t.match(body, { token_type: 'bearer', expires_in: 3_600, scope: 'stats user', roles: ['USER'] })
    t.not(body.access_token, first.access_token)
    t.not(body.refresh_token, first.refresh_token)
    t.equal((await refresh(body.refresh_token)).status, 200, 'and so on')
  })

  t.test('A13: of 50 parallel uses of a refresh token exactly one wins', async (t) => {
    const { server, client, refresh, isActive } = await start(t)
    const { refresh_token } = await obtainTokens(server, client)
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refresh_token)))
    const won = answers.filter(({ status }) => status === 200)
    const lost = answers.filter(({ status, body }) => status === 400 && body.error === 'invalid_grant')
    t.equal(won.length, 1)
    t.equal(lost.length, 49)
    t.equal(await isActive(won[0]?.body.access_token ?? ''), true, "the winner's token can be used")
    t.equal((await refresh(won[0]?.body.refresh_token ?? '')).status, 200, 'and its refresh token too')
    const rows = await server.db.selectFrom('refresh_tokens').select('hash').execute()
    t.equal(rows.length, 3, 'the losers have stored nothing')
  })

  t.test('A13: all 50 find the token unused before one uses it, and still exactly one wins', async (t) => {
    const { server, client } = await start(t)
    const { refresh_token: refreshToken } = await obtainTokens(server, client)
    const issuer = new TokenIssuer({
      db: server.db,
      lifetimes: defaultOAuthServerSettings(),
      issuer: () => server.url,
      signingKeys: { signer: () => Promise.reject(new Error('opaque tokens need no signer')) },
      now: () => server.clock.now,
      random: randomBytes,
      log: captureLog().log,
    })
    const request = { client: client.client, grantType: 'refresh_token', refreshToken } as const
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => issuer.issue(request)))
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const result of results)
      if (result.status === 'rejected') t.match(result.reason, { refusal: { error: 'invalid_grant' } })
  })

  t.test('A13: a bad scope does not burn the refresh token', async (t) => {
    const { server, client, refresh } = await start(t)
    const { refresh_token } = await obtainTokens(server, client, 'user')
    for (const scope of ['admin', 'user stats', 'us"er']) {
      const { status, body } = await refresh(refresh_token, { scope })
      t.equal(status, 400)
      t.equal(body.error, 'invalid_scope')
    }
    t.equal((await refresh(refresh_token)).status, 200)
  })

  t.test('A13: a failure between consumption and issue leaves the refresh token usable', async (t) => {
    const { server, client, refresh } = await start(t)
    const { refresh_token } = await obtainTokens(server, client)
    await server.db.schema.alterTable('access_tokens').renameTo('elsewhere').execute()
    const { status, body } = await refresh(refresh_token)
    t.equal(status, 500)
    t.strictSame(body, {
      error: 'server_error',
      error_description: 'The server failed; the cause is in its log.',
    })
    await server.db.schema
      .alterTable('elsewhere' as 'access_tokens')
      .renameTo('access_tokens')
      .execute()
    t.equal((await refresh(refresh_token)).status, 200)
  })

  t.test('A13: less scope may be asked for, and the refresh token keeps the whole', async (t) => {
    const { server, client, refresh } = await start(t)
    const { refresh_token } = await obtainTokens(server, client)
    const narrowed = await refresh(refresh_token, { scope: 'user' })
    t.equal(narrowed.body.scope, 'user')
    t.equal((await refresh(narrowed.body.refresh_token)).body.scope, 'stats user')
  })

  t.test('A13: a scope that the client has lost is not renewed', async (t) => {
    const { server, client, refresh } = await start(t)
    const { refresh_token } = await obtainTokens(server, client)
    await server.db
      .updateTable('clients')
      .set({ scopes: 'user' })
      .where('id', '=', client.client.id)
      .execute()
    t.equal((await refresh(refresh_token)).body.scope, 'user')
  })

  t.test("A13: another client's refresh token is refused and stays usable by its owner", async (t) => {
    const { server, client, refresh } = await start(t)
    const { refresh_token } = await obtainTokens(server, client)
    const thief = await server.create(refreshing)
    const form = { grant_type: 'refresh_token', refresh_token }
    const response = await server.post('/oauth/token', form, basic(thief))
    t.equal(response.status, 400)
    t.match(await response.json(), { error: 'invalid_grant' })
    t.equal((await refresh(refresh_token)).status, 200)
  })

  t.test('A13: unknown and expired refresh tokens, access tokens and none at all are refused', async (t) => {
    const { server, client, refresh } = await start(t)
    const { access_token, refresh_token } = await obtainTokens(server, client)
    t.match(await refresh('prt_unknown'), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh(access_token), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh('é'), { status: 400, body: { error: 'invalid_request' } })
    t.match(await refresh(''), { status: 400, body: { error: 'invalid_request' } })
    server.clock.now += 14 * 86_400_000
    t.match(await refresh(refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test('A13: a used refresh token that comes back later revokes its whole family', async (t) => {
    const { server, client, refresh, isActive } = await start(t)
    const other = await obtainTokens(server, client)
    const first = await obtainTokens(server, client)
    const second = (await refresh(first.refresh_token)).body
    server.clock.now += 10_000
    t.equal((await refresh(first.refresh_token)).status, 400)
    t.equal(await isActive(second.access_token), true, 'within ten seconds it is taken for a retry')
    server.clock.now += 1
    t.equal((await refresh(first.refresh_token)).status, 400)
    t.equal(await isActive(first.access_token), false)
    t.equal(await isActive(second.access_token), false)
    t.match(await refresh(second.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.equal(await isActive(other.access_token), true, 'another family of the same client lives on')
    t.match(server.logLines.join(''), /a used refresh token came back/)
  })

  t.test('A13: the grace is as long as it is set, and none at all when it is 0', async (t) => {
    for (const refreshTokenReuseGraceMs of [0, 60_000]) {
      const { server, refresh, client, isActive } = await start(t, { refreshTokenReuseGraceMs })
      const first = await obtainTokens(server, client)
      const second = (await refresh(first.refresh_token)).body
      server.clock.now += refreshTokenReuseGraceMs
      t.equal((await refresh(first.refresh_token)).status, 400)
      t.equal(await isActive(second.access_token), refreshTokenReuseGraceMs > 0)
      server.clock.now += 1
      t.equal((await refresh(first.refresh_token)).status, 400)
      t.equal(await isActive(second.access_token), false)
      const entries = await server.db.selectFrom('audit_entries').selectAll().execute()
      const revocations = entries.filter(({ action }) => action === 'tokens.revoked')
      t.match(revocations, [{ actor: client.client.id, target: `client:${client.client.id}` }])
      t.equal(revocations.length, 1, 'written down once')
    }
  })

  t.test('A13: a refresh token ends by idleness, and a family at its age however busy it is', async (t) => {
    const day = 86_400_000
    const { server, refresh, client } = await start(t, {
      refreshTokenLifetimeMs: 2 * day,
      refreshTokenMaxLifetimeMs: 5 * day,
    })
    const idle = await obtainTokens(server, client)
    let busy: { refresh_token: string } = await obtainTokens(server, client)
    for (let days = 1; days <= 4; days += 1) {
      server.clock.now += day
      const { status, body } = await refresh(busy.refresh_token)
      t.equal(status, 200, `after ${days} days`)
      busy = body
    }
    t.match(await refresh(idle.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    server.clock.now += day - 1
    busy = (await refresh(busy.refresh_token)).body
    server.clock.now += 1
    t.match(await refresh(busy.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test("A13: a client's own refresh token lifetime goes before the server's", async (t) => {
    const { server, refresh, client } = await start(t)
    await server.db.updateTable('clients').set({ refresh_token_lifetime_ms: 5_000 }).execute()
    const { refresh_token } = await obtainTokens(server, client)
    server.clock.now += 4_999
    const next = (await refresh(refresh_token)).body.refresh_token
    server.clock.now += 5_000
    t.match(await refresh(next), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test('an access token outlives a shorter one of its family', async (t) => {
    const { server, refresh, client, isActive } = await start(t, { accessTokenLifetimeMs: 86_400_000 })
    const long = await obtainTokens(server, client)
    const short = { access_token_lifetime_ms: 1_000, refresh_token_lifetime_ms: 1_000 }
    await server.db.updateTable('clients').set(short).execute()
    t.equal((await refresh(long.refresh_token)).status, 200)
    server.clock.now += 80_000_000
    await deleteExpiredRows(server.db, server.clock.now, 10)
    t.equal(await isActive(long.access_token), true)
  })

  t.test("A13: a disabled user's refresh token is worth nothing", async (t) => {
    const { server, refresh, client, isActive } = await start(t)
    const { access_token, refresh_token } = await obtainTokens(server, client)
    await actForUser(server.db)
    const { body } = await refresh(refresh_token)
    const rows = await server.db.selectFrom('refresh_tokens').select('user_id').execute()
    t.same(rows, [{ user_id: 'user-7' }, { user_id: 'user-7' }], "its successor is the same user's")
    await server.db.updateTable('users').set({ disabled_at: 1 }).execute()
    t.match(await refresh(body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.equal(await isActive(access_token), false)
  })

  t.test('a refresh token sent along with another grant is left alone', async (t) => {
    const { server, client, refresh, isActive } = await start(t)
    const first = await obtainTokens(server, client)
    const second = (await refresh(first.refresh_token)).body
    server.clock.now += 60_000
    for (const { refresh_token } of [first, second]) {
      const form = { grant_type: 'client_credentials', refresh_token }
      t.equal((await server.post('/oauth/token', form, basic(client))).status, 200)
    }
    t.equal(await isActive(second.access_token), true)
    const families = await server.db.selectFrom('token_families').select('id').execute()
    t.equal(families.length, 3, 'each grant began a family of its own')
  })

  t.test("the thief's turn: a used token of another client revokes nothing", async (t) => {
    const { server, client, refresh, isActive } = await start(t)
    const first = await obtainTokens(server, client)
    const second = (await refresh(first.refresh_token)).body
    server.clock.now += 60_000
    const thief = await server.create(refreshing)
    await server.post(
      '/oauth/token',
      { grant_type: 'refresh_token', refresh_token: first.refresh_token },
      basic(thief),
    )
    t.equal(await isActive(second.access_token), true)
  })

  async function start(t: Test, settings: Partial<OAuthServerSettings> = {}) {
    const server = await startTestServer(t, settings, create)
    const client = await server.create({ ...refreshing, scopes: ['user', 'stats'] })
    const gateway = await server.create(resourceServer)
    const refresh = async (refresh_token: string, more: { scope?: string } = {}) => {
      const form = { grant_type: 'refresh_token', refresh_token, ...more }
      const response = await server.post('/oauth/token', form, basic(client))
      return { status: response.status, body: (await response.json()) as TokenAnswer }
    }
    return { server, client, refresh, isActive: (token: string) => isActive(server, token, basic(gateway)) }
  }
}

async function isActive(
  server: TestServer,
  token: string,
  headers: Record<string, string>,
): Promise<boolean> {
  const response = await server.post('/oauth/introspect', { token }, headers)
  return ((await response.json()) as { active: boolean }).active
}
