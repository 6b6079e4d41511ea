import { CompiledQuery } from 'kysely'
import pg from 'pg'
import { databaseUrlRule, parseDatabaseUrl } from '../../common/database-url.ts'
import { migrate, migrationState } from './migrate.ts'
import { NodeSqliteStore } from './node-sqlite-dialect.ts'
import { PostgresStore } from './postgres-store.ts'
import type { Database } from './tables.ts'

const connectTimeoutMs = 5_000
const statementTimeoutMs = 10_000
/** A little above the server's own limit: it acts only where the server no longer answers at all. */
const queryTimeoutMs = 12_000
const maxConnections = 10

/** A database that cannot be used; the message is one line without the URL, which may hold a password. */
export class DatabaseOpenError extends Error {
  constructor(reason: string, cause?: unknown) {
    super(`the database cannot be opened: ${reason}`, { cause })
    this.name = 'DatabaseOpenError'
  }
}

/**
 * Opens the store at a URL such as `sqlite:.data/oauth-server.db` or `postgres://…` and brings its tables up to date.
 * Throws {@link DatabaseOpenError}.
 */
export async function openDatabase(url: string): Promise<Database> {
  const db = connect(url)
  try {
    await bringUpToDate(db, url)
    return db
  } catch (error) {
    await db.destroy()
    throw new DatabaseOpenError(reasonOf(error, url), error)
  }
}

/**
 * Brings the tables of the store at a URL up to date, for as long as that takes, and returns the names of what was missing.
 * On Postgres it has a connection of its own, as a change of a large table, or waiting for another process that makes it,
 * takes longer than any query may. Throws `DatabaseTooNew`.
 */
export async function bringUpToDate(db: Database, url: string): Promise<readonly string[]> {
  const location = parseDatabaseUrl(url)
  if (location?.kind !== 'postgres') return migrate(db)
  const { missing } = await migrationState(db)
  if (missing.length === 0) return []
  const patient = new PostgresStore(createPool(location.url, {}), {
    // Said aloud: the server, the database and the role can each have a limit of their own.
    onCreateConnection: async (connection) => {
      await connection.executeQuery(CompiledQuery.raw('set statement_timeout = 0'))
    },
  })
  try {
    return await migrate(patient)
  } finally {
    await patient.destroy()
  }
}

/** The store at a URL with its tables as they are. Throws {@link DatabaseOpenError} when it is no database's URL. */
export function connect(url: string): Database {
  const location = parseDatabaseUrl(url)
  if (location === undefined) throw new DatabaseOpenError(`its URL ${databaseUrlRule}`)
  return location.kind === 'sqlite'
    ? new NodeSqliteStore(location.file)
    : new PostgresStore(createPool(location.url, queryLimits))
}

const queryLimits = { statement_timeout: statementTimeoutMs, query_timeout: queryTimeoutMs }

function createPool(url: string, limits: Partial<typeof queryLimits>): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    ...limits,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    application_name: 'passerelle oauth-server',
    types: { getTypeParser },
  })
  // An idle connection that the server closes must not end the process; the next query opens another.
  pool.on('error', () => undefined)
  return pool
}

/** Our 64-bit columns hold times and quotas, which a number holds exactly; pg would give them as texts. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')

function reasonOf(error: unknown, url: string): string {
  const location = parseDatabaseUrl(url)
  const reason = error instanceof Error ? error.message || ('code' in error ? String(error.code) : '') : ''
  return location?.kind === 'sqlite' ? `${location.file}: ${reason}` : reason
}
