import t, { type Test } from 'tap'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { basic, postForm, resourceServer, startTestServer } from '../support/oauth-server.ts'
import { startServerProcess } from '../support/server-process.ts'
import {
  createUser,
  exchangeCode,
  obtainCode,
  redirectUri,
  type TokenAnswer,
  verifier,
  webApplication,
} from '../support/user-browser.ts'

for (const kind of await databaseKinds())
  t.test(`authorization codes on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, { create }: DatabaseKind): Promise<void> {
  t.test('A7: a code is exchanged for tokens of the user, which look-ups tell', async (t) => {
    const { server, client, user, gateway, lookUp } = await start(t)
    const code = await obtainCode(server, { client, userId: user.id })
    t.match(code, /^pac_[A-Za-z0-9]{43}$/)
    const { status, body } = await exchangeCode(server, client, { code })
    t.equal(status, 200)
    t.match(body, { token_type: 'bearer', expires_in: 3_600, scope: 'user', refresh_token: /^prt_/ })
    t.match(await lookUp(body.access_token), {
      active: true,
      client_id: client.client.id,
      sub: user.id,
      username: 'anna',
      entitlements: ['kids', 'svod'],
      scope: 'user',
    })
    const verified = await fetch(`${server.url}/oauth/verifToken?access_token=${body.access_token}`, {
      headers: basic(gateway),
    })
    t.match(await verified.json(), { client: client.client.id, user: user.id, entitlements: 'kids svod' })
    const rows = await server.db.selectFrom('authorization_codes').selectAll().execute()
    t.match(rows, [{ hash: hashCredential(code), redirect_uri: redirectUri }], 'only its hash is stored')
  })

  t.test('A7: of 50 parallel exchanges of a code exactly one wins, and its tokens are revoked', async (t) => {
    const { server, client, user, lookUp } = await start(t)
    const code = await obtainCode(server, { client, userId: user.id })
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => exchangeCode(server, client, { code })),
    )
    const won = answers.filter(({ status }) => status === 200)
    const lost = answers.filter(({ status, body }) => status === 400 && body.error === 'invalid_grant')
    t.equal(won.length, 1)
    t.equal(lost.length, 49)
    t.match(await lookUp(won[0]?.body.access_token ?? ''), { active: false })
    const rows = await server.db.selectFrom('access_tokens').select('hash').execute()
    t.equal(rows.length, 1, 'the losers have stored nothing')
  })

  t.test('A7: of 50 parallel exchanges of a code at two server processes exactly one wins', async (t) => {
    const { server, client, user } = await start(t)
    const others = [
      await startServerProcess(t, server.database.url),
      await startServerProcess(t, server.database.url),
    ]
    const code = await obtainCode(server, { client, userId: user.id })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const { url } = others[index % 2] ?? server
        return exchangeCode({ ...server, post: (path, ...rest) => postForm(url + path, ...rest) }, client, {
          code,
        })
      }),
    )
    const statuses = answers.map(({ status }) => status).toSorted()
    t.strictSame(statuses, [200, ...Array(49).fill(400)])
    const rows = await server.db.selectFrom('access_tokens').select('hash').execute()
    t.equal(rows.length, 1, 'the losers have stored nothing')
  })

  t.test('A7: a code that comes back is refused, and what it was exchanged for is revoked', async (t) => {
    const { server, client, user, lookUp, refresh } = await start(t)
    const other = await exchangeCode(server, client, {
      code: await obtainCode(server, { client, userId: user.id }),
    })
    const code = await obtainCode(server, { client, userId: user.id })
    const first = (await exchangeCode(server, client, { code })).body
    const refreshed = (await refresh(first.refresh_token)).body
    server.clock.now += 3_600_000 - 1
    t.match(await exchangeCode(server, client, { code }), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await lookUp(first.access_token), { active: false })
    t.match(await lookUp(refreshed.access_token), { active: false })
    t.match(await refresh(refreshed.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await lookUp(other.body.access_token), { active: true }, 'another code’s tokens live on')
    t.match(server.logLines.join(''), /an authorization code came back/)
  })

  t.test('A7: without a refresh token the access token of a replayed code is revoked too', async (t) => {
    const { server, user, lookUp } = await start(t)
    const client = await server.create({ ...webApplication, grantTypes: ['authorization_code'] })
    const code = await obtainCode(server, { client, userId: user.id })
    const { body } = await exchangeCode(server, client, { code })
    t.notOk('refresh_token' in body)
    t.match(await lookUp(body.access_token), { active: true })
    await exchangeCode(server, client, { code })
    t.match(await lookUp(body.access_token), { active: false })
  })

  t.test(
    'A7, A9: a code is bound to its client, redirect URI and verifier, and survives the wrong ones',
    async (t) => {
      const { server, client, user, lookUp } = await start(t)
      const thief = await server.create(webApplication)
      const code = await obtainCode(server, { client, userId: user.id })
      const wrong: readonly (readonly [Record<string, string | undefined>, error: string])[] = [
        [{ redirect_uri: `${redirectUri}/` }, 'invalid_grant'],
        [{ redirect_uri: undefined }, 'invalid_request'],
        [{ code_verifier: `${verifier}x` }, 'invalid_grant'],
        [{ code_verifier: undefined }, 'invalid_grant'],
        [{ code_verifier: 'short' }, 'invalid_request'],
        [{ code_verifier: 'é'.repeat(43) }, 'invalid_request'],
        [{ code: `${code}x` }, 'invalid_grant'],
        [{ code: 'é' }, 'invalid_grant'],
        [{ code: undefined }, 'invalid_request'],
      ]
      for (const [changes, error] of wrong)
        t.match(
          await exchangeCode(server, client, { code, ...changes }),
          { status: 400, body: { error } },
          JSON.stringify(changes),
        )
      t.match(await exchangeCode(server, thief, { code }), { status: 400, body: { error: 'invalid_grant' } })
      const { status, body } = await exchangeCode(server, client, { code })
      t.equal(status, 200)
      for (const changes of [{ code_verifier: `${verifier}x` }, { redirect_uri: `${redirectUri}/` }])
        await exchangeCode(server, client, { code, ...changes })
      await exchangeCode(server, thief, { code })
      t.match(
        await lookUp(body.access_token),
        { active: true },
        'who cannot exchange a code cannot revoke either',
      )
    },
  )

  t.test('A7: a code lives 60 seconds', async (t) => {
    const { server, client, user } = await start(t)
    const early = await obtainCode(server, { client, userId: user.id })
    const late = await obtainCode(server, { client, userId: user.id })
    server.clock.now += 59_999
    t.equal((await exchangeCode(server, client, { code: early })).status, 200)
    server.clock.now += 1
    t.match(await exchangeCode(server, client, { code: late }), {
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  t.test('a failure between consumption and issue leaves the code usable', async (t) => {
    const { server, client, user } = await start(t)
    const code = await obtainCode(server, { client, userId: user.id })
    await server.db.schema.alterTable('access_tokens').renameTo('elsewhere').execute()
    t.equal((await exchangeCode(server, client, { code })).status, 500)
    await server.db.schema
      .alterTable('elsewhere' as 'access_tokens')
      .renameTo('access_tokens')
      .execute()
    t.equal((await exchangeCode(server, client, { code })).status, 200)
  })

  t.test(
    'A13: a user’s refresh token rotates, keeps the user, and its reuse revokes the family',
    async (t) => {
      const { server, client, user, lookUp, refresh } = await start(t)
      const code = await obtainCode(server, { client, userId: user.id })
      const first = (await exchangeCode(server, client, { code })).body
      const second = (await refresh(first.refresh_token)).body
      t.match(await lookUp(second.access_token), { active: true, sub: user.id, username: 'anna' })
      server.clock.now += 10_001
      t.match(await refresh(first.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
      t.match(await lookUp(second.access_token), { active: false })
      t.match(await refresh(second.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    },
  )

  t.test('A13: a disabled user is not acted for: neither by codes nor by tokens old and new', async (t) => {
    const { server, client, user, registry, lookUp, refresh } = await start(t)
    const { body } = await exchangeCode(server, client, {
      code: await obtainCode(server, { client, userId: user.id }),
    })
    const code = await obtainCode(server, { client, userId: user.id })
    await registry.disable(user.id, { id: 'tester', address: null })
    t.match(await lookUp(body.access_token), { active: false })
    t.match(await refresh(body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await exchangeCode(server, client, { code }), { status: 400, body: { error: 'invalid_grant' } })
    await registry.delete(user.id, { id: 'tester', address: null })
    const rows = await server.db.selectFrom('refresh_tokens').select('hash').execute()
    t.strictSame(rows, [], 'and a deleted one leaves nothing behind')
  })

  t.test('the resources that the user was asked about are those of the tokens', async (t) => {
    const { server, user } = await start(t)
    const audiences = ['https://api.example/a', 'https://api.example/b']
    const client = await server.create({ ...webApplication, audiences })
    const code = await obtainCode(server, { client, userId: user.id }, { resource: 'https://api.example/b' })
    const { body } = await exchangeCode(server, client, { code })
    for (const table of ['access_tokens', 'refresh_tokens'] as const) {
      const rows = await server.db.selectFrom(table).select(['audience', 'user_id']).execute()
      t.match(rows, [{ audience: 'https://api.example/b', user_id: user.id }], table)
    }
    t.equal(body.scope, 'user')
  })

  t.test('an authorization request without a redirect URI is exchanged without one', async (t) => {
    const { server, client, user } = await start(t)
    const asked = { redirect_uri: undefined }
    const code = await obtainCode(server, { client, userId: user.id }, asked)
    const wrong = await exchangeCode(server, client, { code, redirect_uri: 'https://other.example/' })
    t.equal(wrong.status, 400)
    t.equal((await exchangeCode(server, client, { code, redirect_uri: undefined })).status, 200)
  })

  async function start(t: Test) {
    const server = await startTestServer(t, {}, create)
    const client = await server.create(webApplication)
    const gateway = await server.create(resourceServer)
    const { user, registry } = await createUser(server, { entitlements: ['svod', 'kids'] })
    const lookUp = async (token: string) => {
      const response = await server.post('/oauth/introspect', { token }, basic(gateway))
      return (await response.json()) as Record<string, unknown>
    }
    const refresh = async (refresh_token = '') => {
      const form = { grant_type: 'refresh_token', refresh_token }
      const response = await server.post('/oauth/token', form, basic(client))
      return { status: response.status, body: (await response.json()) as TokenAnswer }
    }
    return { server, client, gateway, user, registry, lookUp, refresh }
  }
}
