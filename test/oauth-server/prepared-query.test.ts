import { sql } from 'kysely'
import t from 'tap'
import { connect } from '../../oauth-server/store/open-database.ts'
import { type GivenAs, PreparedQuery } from '../../oauth-server/store/prepared-query.ts'
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
