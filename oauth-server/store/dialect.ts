import { SqliteAdapter } from 'kysely'
import type { Database } from './tables.ts'

/** Whether the store is SQLite rather than Postgres. */
export function isSqlite(db: Database): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter
}
