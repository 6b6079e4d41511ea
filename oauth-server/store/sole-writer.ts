import { SqliteAdapter, sql } from 'kysely'
import type { Database } from './tables.ts'

/**
 * Has nobody but this transaction write clients until it ends: where a rule is about rows that are not there, no row can be
 * locked. In SQLite a transaction is alone from its beginning.
 */
export async function writeClientsAlone(db: Database): Promise<void> {
  if (db.getExecutor().adapter instanceof SqliteAdapter) return
  await sql`lock table clients in share row exclusive mode`.execute(db)
}
