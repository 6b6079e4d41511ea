import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { createAdministration } from '../../oauth-server/admin/services.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { importUsers } from '../../oauth-server/users/user-import.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { tester } from '../support/oauth-server.ts'

for (const kind of await databaseKinds())
  t.test(`changes at the same time on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('what another change has just taken from a user is not given back', async (t) => {
    const { db, users } = await open(t)
    const { id } = await users.create({ username: 'anna', entitlements: ['admin', 'svod'] }, tester)
    const taken = (db: Database) =>
      db.updateTable('users').set({ entitlements: 'svod' }).where('id', '=', id).execute()
    await meanwhile(db, taken, () => users.change(id, { displayName: 'Anna' }, tester))
    t.match(await users.show(id), { displayName: 'Anna', entitlements: ['svod'] })
  })

  t.test('a bulk lets nobody in who was just kept out', async (t) => {
    const { db, users, bulk } = await open(t)
    const { id } = await users.create({ username: 'anna', entitlements: ['admin'] }, tester)
    const keptOut = (db: Database) =>
      db.updateTable('users').set({ disabled_at: 5, entitlements: '' }).where('id', '=', id).execute()
    await meanwhile(db, keptOut, () => bulk({ username: 'anna', display_name: 'Anna' }))
    t.match(await users.show(id), { displayName: 'Anna', disabledAt: 5, entitlements: [] })
  })

  t.test('bulks of the same users are all done, whatever their order', async (t) => {
    const { users, bulk } = await open(t)
    const names = Array.from({ length: 500 }, (_, index) => `user-${index}`)
    const linesOf = (order: readonly string[], display_name: string) =>
      order.map((username) => ({ username, display_name }))
    for (const round of ['new', 'known']) {
      const reports = await Promise.all(
        [names, names.toReversed(), names].map((order, index) =>
          bulk(...linesOf(order, `${round} ${index}`)),
        ),
      )
      for (const { created, updated, unchanged, failed } of reports)
        t.strictSame([created + updated + unchanged, failed], [500, 0])
    }
    t.equal(
      (await users.page({ usernamePrefix: 'user-' }, { limit: 600, after: undefined })).items.length,
      500,
    )
  })

  t.test('what another change has just taken from a plan is not given back', async (t) => {
    const { db, plans } = await open(t)
    const quota = { limit: 1_000, windowMs: 3_600_000 }
    const wanted = { id: 'gold', name: 'Gold', roles: ['EDITOR'], quota, createRoles: true }
    const read = await plans.create(wanted, tester)
    const taken = (db: Database) =>
      db.updateTable('plans').set({ roles: '' }).where('id', '=', 'gold').execute()
    await meanwhile(db, taken, () => plans.change('gold', { membersOf: () => ({ name: 'Silver' }) }, tester))
    t.match(await plans.show('gold'), { name: 'Silver', roles: [] })
    const isExpected = ({ name }: { name: string }) => name === read.name
    const renamed = (db: Database) =>
      db.updateTable('plans').set({ name: 'Gold' }).where('id', '=', 'gold').execute()
    await renamed(db)
    const again = (db: Database) =>
      db.updateTable('plans').set({ name: 'Bronze' }).where('id', '=', 'gold').execute()
    const change = { membersOf: () => ({ roles: ['EDITOR'] }), isExpected }
    await meanwhile(db, again, () =>
      t.rejects(plans.change('gold', change, tester), { name: 'VersionMismatch' }),
    )
  })

  async function open(t: Test) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const administration = createAdministration(db, { now: Date.now, random: randomBytes })
    return {
      ...{ db, ...administration },
      bulk: (...lines: readonly object[]) =>
        importUsers(
          Readable.from(lines.map((line) => Buffer.from(`${JSON.stringify(line)}\n`))),
          administration.changes,
          tester,
        ),
    }
  }
}
