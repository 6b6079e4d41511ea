import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { ClientNotFound, ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import {
  type NewRefreshToken,
  type TokenFamily,
  TokenRepository,
} from '../../oauth-server/store/token-repository.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { tester } from '../support/oauth-server.ts'
import { raceInProcesses } from '../support/store-process.ts'

const day = 86_400_000

for (const kind of await databaseKinds())
  t.test(`the store of the oauth-server on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('clients come back as they were made, numbers as numbers', async (t) => {
    const { registry } = await open(t)
    const wanted = {
      name: 'Größe 💡',
      roles: ['USER', 'EDITOR', 'USER'],
      scopes: ['user', 'a:b'],
      quota: { limit: 999_999_999_999, windowMs: 366 * day },
      grantTypes: ['client_credentials', 'refresh_token'],
    } as const
    const { client } = await registry.create(wanted, tester, { createRoles: true })
    t.strictSame(await registry.show(client.id), client)
    t.match(client, { ...wanted, roles: ['EDITOR', 'USER'], scopes: ['a:b', 'user'], disabledAt: null })
    const second = await registry.create({ ...wanted, roles: [] }, tester)
    const all = await registry.page({}, { limit: 10, after: undefined })
    t.strictSame(all, { items: [client, second.client], next: undefined })
    t.strictSame((await registry.show(second.client.id)).roles, [])
    await t.rejects(registry.show('nobody'), new ClientNotFound('nobody'))
  })

  t.test('processes that start at once bring the tables up together', async (t) => {
    const urls: string[] = []
    while (urls.length < (kind.name === 'SQLite' ? 40 : 3)) {
      const database = await kind.create()
      t.teardown(() => database.drop())
      urls.push(database.url)
    }
    t.equal(await raceInProcesses({ urls, rivals: 6, hash: 'none', attempts: 1 }), 0)
    const again = await openDatabase(urls[0] ?? '')
    t.strictSame(await again.selectFrom('clients').selectAll().execute(), [], 'and a later one finds them')
    await again.destroy()
  })

  t.test('a transaction that fails leaves nothing', async (t) => {
    const { db, tokens } = await open(t, { withToken: 'once' })
    await t.rejects(
      db.transaction().execute(async (transaction) => {
        t.equal(await new TokenRepository(transaction).consumeRefreshToken(hashCredential('once'), 1), true)
        throw new Error('the crash')
      }),
      { message: 'the crash' },
    )
    t.equal((await tokens.findRefreshToken(hashCredential('once'), 1))?.consumedAt, null)
  })

  t.test('of several processes that use one refresh token exactly one wins', async (t) => {
    const { url } = await open(t, { withToken: 'once' })
    t.equal(await raceInProcesses({ urls: [url], rivals: 6, hash: hashCredential('once'), attempts: 25 }), 1)
  })

  t.test('tokens belong to a client that is there', async (t) => {
    const { tokens } = await open(t)
    await t.rejects(tokens.insertAccessToken({ ...tokenRow('a', 'nobody'), familyId: null }))
  })

  t.test('what has expired is deleted in batches, and what has not stays', async (t) => {
    const { db, registry, tokens } = await open(t)
    const { client } = await registry.create(anyClient, tester)
    await tokens.insertFamily(family('old', client.id, 100))
    await tokens.insertFamily(family('prolonged', client.id, 100))
    t.equal(await tokens.prolongFamily('prolonged', 200), true)
    t.equal(await tokens.prolongFamily('prolonged', 150), true, 'it never ends sooner')
    t.equal(await tokens.prolongFamily('unknown', 200), false)
    for (const name of ['a', 'b', 'c'])
      await tokens.insertRefreshToken({ ...tokenRow(name, client.id), familyId: 'old', expiresAt: 100 })
    await tokens.insertAccessToken({ ...tokenRow('d', client.id), familyId: null, expiresAt: 100 })
    await tokens.insertRefreshToken({ ...tokenRow('e', client.id), familyId: 'prolonged', expiresAt: 101 })
    t.equal(await deleteExpiredRows(db, 99, 2), 0, 'nothing has expired yet')
    t.equal(await deleteExpiredRows(db, 100, 2), 4, 'two refresh tokens, an access token and a family')
    t.equal(await deleteExpiredRows(db, 100, 2), 0, 'the third went with its family')
    const families = await db.selectFrom('token_families').select('id').execute()
    t.strictSame(
      families.map(({ id }) => id),
      ['prolonged'],
    )
    const left = await db.selectFrom('refresh_tokens').select('hash').execute()
    t.strictSame(
      left.map(({ hash }) => hash),
      [hashCredential('e')],
    )
  })

  async function open(t: Test, { withToken }: { withToken?: string } = {}) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    let ticks = 0
    const registry = new ClientRegistry(db, { now: () => ++ticks, random: randomBytes })
    const tokens = new TokenRepository(db)
    if (withToken !== undefined) {
      const { client } = await registry.create(anyClient, tester)
      await tokens.insertFamily(family('family', client.id, day))
      await tokens.insertRefreshToken(tokenRow(withToken, client.id))
    }
    return { db, url: database.url, registry, tokens }
  }
}

const anyClient = {
  name: 'Any',
  roles: [],
  scopes: ['user'],
  quota: { limit: 1, windowMs: 1_000 },
  grantTypes: ['client_credentials', 'refresh_token'],
} as const

function family(id: string, clientId: string, expiresAt: number): TokenFamily {
  return { id, clientId, userId: null, audience: [], expiresAt, endsAt: 90 * day }
}

function tokenRow(name: string, clientId: string): NewRefreshToken {
  return {
    hash: hashCredential(name),
    lastFour: 'last',
    clientId,
    userId: null,
    audience: [],
    familyId: 'family',
    scope: ['user'],
    issuedAt: 0,
    expiresAt: day,
  }
}
