import { sql } from 'kysely'
import { isSqlite } from '../../oauth-server/store/dialect.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { until } from './until.ts'

/**
 * Has work begin while another transaction on the same database is open, go as far as it gets beside it, and end after it
 * is committed. On SQLite the work begins when the other has ended: there is one connection.
 */
export async function meanwhile<T>(
  db: Database,
  other: (transaction: Database) => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let working: Promise<T> | undefined
  await db.transaction().execute(async (transaction) => {
    await other(transaction)
    working = work()
    // What it fails with is told at the end.
    working.catch(() => undefined)
    if (!isSqlite(db)) await until('it waits for the other', () => isWaiting(db))
  })
  if (working === undefined) throw new Error('the other transaction has not begun')
  return working
}

async function isWaiting(db: Database): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
  return rows.length > 0
}
