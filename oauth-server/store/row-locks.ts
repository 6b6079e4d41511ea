import type { SelectQueryBuilder } from 'kysely'
import { isSqlite } from './dialect.ts'
import type { Database } from './tables.ts'

/**
 * Within a transaction: has a query keep the rows that it finds from the changes of others, until the transaction ends.
 * On SQLite a transaction keeps them from everything already. What is found must be in one order for everybody.
 */
export function locked<DB, Table extends keyof DB, Row>(
  db: Database,
  query: SelectQueryBuilder<DB, Table, Row>,
): SelectQueryBuilder<DB, Table, Row> {
  return isSqlite(db) ? query : query.forUpdate()
}
