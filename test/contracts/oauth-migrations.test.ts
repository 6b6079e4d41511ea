import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import t, { type Test } from 'tap'
import { ClientAuthenticator } from '../../oauth-server/clients/client-authenticator.ts'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { migrate, migrationState } from '../../oauth-server/store/migrate.ts'
import { clientsAndTokens } from '../../oauth-server/store/migrations/0001-clients-and-tokens.ts'
import { connect, openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { tester } from '../support/oauth-server.ts'

for (const kind of await databaseKinds())
  t.test(`migrations of the oauth-server on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('an older database is brought up to date, and its clients work on', async (t) => {
    const db = await connectToNew(t)
    await new Migrator({
      db,
      provider: { getMigrations: async () => ({ '0001-clients-and-tokens': clientsAndTokens }) },
    }).migrateToLatest()
    await sql`insert into clients (id, name, secret_hash, roles, scopes, grant_types, rate_limit,
      rate_limit_window_ms, created_at) values ('old-client', 'Größe', ${hashCredential('the secret')}, 'USER', 'user',
      'client_credentials', 1000, 3600000, 17)`.execute(db)
    await sql`insert into access_tokens (hash, last_four, client_id, scope, issued_at, expires_at)
      values ('hash', 'last', 'old-client', 'user', 17, 99)`.execute(db)
    t.strictSame((await migrationState(db)).done, ['0001-clients-and-tokens'])
    t.strictSame(await migrate(db), (await migrationState(db)).done.slice(1))
    const client = await new ClientAuthenticator({ db, now: () => 18, issuer: () => '' }).authenticate({
      method: 'client_secret_basic',
      id: 'old-client',
      secret: 'the secret',
    })
    t.match(client, {
      name: 'Größe',
      authMethod: 'client_secret',
      tokenFormat: 'opaque',
      planId: null,
      updatedAt: 17,
      granted: { roles: ['USER'], quota: { limit: 1_000, windowMs: 3_600_000 } },
    })
    const tokens = await db.selectFrom('access_tokens').selectAll().execute()
    t.match(tokens, [{ hash: 'hash', user_id: null, audience: '' }])
    t.strictSame(await migrate(db), [], 'and once is enough')
  })

  t.test('a database of a newer version is refused, and left as it is', async (t) => {
    const database = await kind.create()
    t.teardown(() => database.drop())
    const db = await openDatabase(database.url)
    t.teardown(() => db.destroy())
    await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', 'now')`.execute(
      db,
    )
    await t.rejects(openDatabase(database.url), {
      name: 'DatabaseOpenError',
      message: /it has the change "9999-from-the-future", which this version of passerelle does not know/,
    })
  })

  t.test('the audit trail can be added to, and nothing else', async (t) => {
    const db = await connectToNew(t)
    await migrate(db)
    const registry = new ClientRegistry(db, { now: () => 5, random: randomBytes })
    const { client, secret } = await registry.create(
      {
        name: 'Tracks',
        roles: [],
        scopes: ['user'],
        quota: { limit: 1, windowMs: 1_000 },
        grantTypes: ['client_credentials'],
      },
      { ...tester, address: '192.0.2.7' },
    )
    const entries = await db.selectFrom('audit_entries').selectAll().execute()
    t.match(entries, [
      {
        at: 5,
        actor: 'tester',
        address: '192.0.2.7',
        action: 'client.created',
        target: `client:${client.id}`,
      },
    ])
    t.notOk(JSON.stringify(entries).includes(secret ?? 'psk_'))
    t.notOk(JSON.stringify(entries).includes(hashCredential(secret ?? '')))
    const refused = { message: /the audit trail is append-only/ }
    await t.rejects(db.updateTable('audit_entries').set({ actor: 'nobody' }).execute(), refused)
    await t.rejects(db.deleteFrom('audit_entries').execute(), refused)
    t.strictSame(await db.selectFrom('audit_entries').selectAll().execute(), entries)
  })

  t.test('a change that fails is not in the audit trail', async (t) => {
    const db = await connectToNew(t)
    await migrate(db)
    const registry = new ClientRegistry(db, { now: () => 5, random: randomBytes })
    const wanted = {
      name: 'Tracks',
      roles: [],
      scopes: ['user'],
      quota: { limit: 1, windowMs: 1_000 },
      grantTypes: ['client_credentials'],
      planId: 'nowhere',
    } as const
    await t.rejects(registry.create(wanted, tester), { message: /plan "nowhere" is not known/ })
    t.strictSame(await db.selectFrom('audit_entries').selectAll().execute(), [])
    t.strictSame(await db.selectFrom('clients').selectAll().execute(), [])
  })

  async function connectToNew(t: Test): Promise<Database> {
    const database = await kind.create()
    const db = connect(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    return db
  }
}
