import { sql } from 'kysely'
import t from 'tap'
import { ClientRepository } from '../../oauth-server/store/client-repository.ts'
import { connect, openDatabase } from '../../oauth-server/store/open-database.ts'
import { type GivenAs, PreparedQuery } from '../../oauth-server/store/prepared-query.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { databaseKinds } from '../support/databases.ts'

for (const { name, options, create } of await databaseKinds()) {
  t.test(`a prepared query on ${name} is built once, and each run has its own values`, options, async (t) => {
    const database = await create()
    const db = connect(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    let timesBuilt = 0
    const query = new PreparedQuery(db, (given: GivenAs<{ first: string; second: string | null }>) => {
      timesBuilt += 1
      const [first, second, fixed] = [given('first'), given('second'), 'fixed']
      return {
        compile: () =>
          sql<{ row: string }>`select cast(${second} as text) || ':' || cast(${first} as text) || ':'
            || cast(${fixed} as text) || ':' || cast(${second} as text) as row`.compile(db),
      }
    })
    const rows = await Promise.all(
      ['1', '2', '3'].map((second) => query.run({ first: `a'${second}`, second })),
    )
    t.strictSame(
      rows.flat().map(({ row }) => row),
      ["1:a'1:fixed:1", "2:a'2:fixed:2", "3:a'3:fixed:3"],
    )
    const [empty] = await query.run({ first: 'a', second: null })
    t.equal(empty?.row, null)
    t.equal(timesBuilt, 1)
  })
}

for (const { name, options, create } of await databaseKinds())
  t.test(`a prepared query on ${name} sees nothing of a transaction under way`, options, async (t) => {
    const database = await create()
    const db = await openDatabase(database.url)
    t.teardown(() => database.drop())
    const roles = new PreparedQuery(db, (given: GivenAs<{ name: string }>) =>
      db.selectFrom('roles').select('name').where('name', '=', given('name')),
    )
    const isInserted = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const transaction = db.transaction().execute(async (trx) => {
      await trx.insertInto('roles').values({ name: 'NEW', description: '', created_at: 0 }).execute()
      isInserted.resolve()
      await mayEnd.promise
      throw new Error('rolled back')
    })
    await isInserted.promise
    const meanwhile = roles.run({ name: 'NEW' })
    mayEnd.resolve()
    await t.rejects(transaction, { message: 'rolled back' })
    t.same(await meanwhile, [])
    await db.transaction().execute(async (trx) => {
      const own = new PreparedQuery(trx, (given: GivenAs<{ name: string }>) =>
        trx.selectFrom('roles').select('name').where('name', '=', given('name')),
      )
      await trx.insertInto('roles').values({ name: 'NEW', description: '', created_at: 0 }).execute()
      t.same(await own.run({ name: 'NEW' }), [{ name: 'NEW' }], 'its own transaction sees it')
    })
    t.same(await roles.run({ name: 'NEW' }), [{ name: 'NEW' }])
    await db.destroy()
    await t.rejects(roles.run({ name: 'NEW' }), 'a closed database says so')
  })

for (const { name, options, create } of await databaseKinds())
  t.test(`on ${name} a newer version may add columns while this one runs`, options, async (t) => {
    const database = await create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const clients = new ClientRepository(db)
    const tokens = new TokenRepository(db)
    const look = async () => [
      await clients.find('nobody'),
      await clients.findProofs('nobody', 0),
      await tokens.findActiveAccessToken('none', 0),
    ]
    // As often as there are connections: each keeps the statement for itself.
    await Promise.all(Array.from({ length: 20 }, look))
    for (const table of ['clients', 'client_secrets', 'access_tokens', 'users', 'plans', 'token_families'])
      await db.schema.alterTable(table).addColumn('of_a_newer_version', 'text').execute()
    t.strictSame((await Promise.all(Array.from({ length: 20 }, look))).flat().filter(Boolean), [])
  })
