import { CompiledQuery, Kysely, type LogEvent } from 'kysely'
import t from 'tap'
import { AuditRepository } from '../../oauth-server/store/audit-repository.ts'
import { findClients } from '../../oauth-server/store/client-search.ts'
import { migrate } from '../../oauth-server/store/migrate.ts'
import { NodeSqliteDialect } from '../../oauth-server/store/node-sqlite-dialect.ts'
import type { Tables } from '../../oauth-server/store/tables.ts'
import { pageTokens } from '../../oauth-server/store/token-listing.ts'
import { findUsers } from '../../oauth-server/store/user-search.ts'

t.test(
  'every list of an administrator is read by an index: none looks at all rows, and none sorts them',
  async (t) => {
    const queries: CompiledQuery[] = []
    const db = new Kysely<Tables>({
      dialect: new NodeSqliteDialect(':memory:'),
      log: (event: LogEvent) => void queries.push(event.query),
    })
    t.teardown(() => db.destroy())
    await migrate(db)
    queries.length = 0
    const filters = [
      {},
      { idPrefix: 'a' },
      { namePrefix: 'a' },
      { role: 'USER' },
      { role: 'USER', idPrefix: 'a' },
      { planId: 'gold' },
      { planId: 'gold', idPrefix: 'a' },
      { isDisabled: true },
      { namePrefix: 'a', role: 'USER', planId: 'gold', isDisabled: false },
    ]
    for (const filter of filters) {
      await findClients(db, filter, { limit: 50, after: undefined })
      const byTwo = 'namePrefix' in filter || Object.keys(filter).length === 0
      const after = 'namePrefix' in filter ? ['a', 'b'] : byTwo ? [1, 'b'] : ['b']
      await findClients(db, filter, { limit: 50, after })
    }
    for (const kind of ['client', 'user'] as const)
      await pageTokens(db, { kind, id: 'x' }, { now: 1, limit: 50, after: [5, 'a'] })
    await findUsers(db, { usernamePrefix: 'a' }, { limit: 50, after: ['b'] })
    await findUsers(db, { isDisabled: true }, { limit: 50, after: [1, 'b'] })
    for (const search of [{}, { actor: 'a' }, { action: 'a' }, { target: 'a', action: 'b' }, { since: 1 }])
      await new AuditRepository(db).page(search, { limit: 50, after: [5, 'a'] })
    t.ok(queries.length >= 27, `${queries.length} queries`)
    for (const { sql, parameters } of [...queries]) {
      const plan = await db.executeQuery<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
      )
      const steps = plan.rows.map(({ detail }) => detail)
      // A whole index may be walked where nothing is looked for, and the one that holds what is looked for and no more.
      const mayWalk = (step: string) =>
        / USING INDEX /.test(step) && (!/ where /.test(sql) || /clients_disabled/.test(step))
      const isBad = (step: string) =>
        (/^SCAN/.test(step) && !mayWalk(step)) ||
        // What was issued or written in the same millisecond is little.
        (/TEMP B-TREE/.test(step) && !/LAST TERM/.test(step))
      t.notOk(steps.some(isBad), `${sql.slice(0, 400)}\n${steps.join('\n')}`)
    }
  },
)
