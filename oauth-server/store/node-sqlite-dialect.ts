import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  Kysely,
  type QueryCompiler,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely'
import { makeFolder } from '../../common/make-folder.ts'
import type { DirectReads } from './prepared-query.ts'
import { StatementCache } from './statement-cache.ts'
import type { Tables } from './tables.ts'

/** How long a statement waits for another process, such as the command line, to finish its transaction. */
const busyTimeoutMs = 5_000

/** Between two tries to change the journal. */
const journalPauseMs = 20

/**
 * SQLite's own 2 MiB hold the upper pages of the indexes of a small store only. With these a store of millions of tokens
 * has them in memory; they are taken page by page, as they are needed.
 */
const maxCacheKib = 262_144

/** Kysely on the SQLite that Node carries. */
export class NodeSqliteStore extends Kysely<Tables> implements DirectReads {
  readonly #dialect: NodeSqliteDialect

  /** `file` is a path, or `:memory:`; it is opened by the first query. */
  constructor(file: string) {
    const dialect = new NodeSqliteDialect(file)
    super({ dialect })
    this.#dialect = dialect
  }

  /**
   * The rows of a query that only reads, at once: Kysely's way to its one connection costs more than such a query itself.
   * `undefined` while that connection is in a transaction, of which nobody else may see anything, or not open.
   */
  readDirectly<Row>({ sql, parameters }: CompiledQuery<Row>): Row[] | undefined {
    const opened = this.#dialect.opened
    if (opened === undefined || !opened.database.isOpen || opened.database.isTransaction) return undefined
    return opened.statements.get(sql).statement.all(...inputsOf(parameters)) as Row[]
  }
}

/** Kysely's SQLite dialect on the SQLite that Node carries. */
export class NodeSqliteDialect implements Dialect {
  readonly #file: string
  #opened: OpenedFile | undefined

  constructor(file: string) {
    this.#file = file
  }

  /** The one connection, once there is one. */
  get opened(): OpenedFile | undefined {
    return this.#opened
  }

  createDriver(): Driver {
    return new ImmediateSqliteDriver({
      database: async () => {
        this.#opened = await openNodeSqlite(this.#file)
        return adapt(this.#opened)
      },
    })
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new TransactionalDdlAdapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }
}

/**
 * Takes the write lock when a transaction begins. A deferred transaction that reads first and writes later fails at
 * once with SQLITE_BUSY when another process wrote in between, whatever the busy timeout.
 */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

/**
 * Kysely runs SQLite migrations without a transaction. SQLite's schema changes are transactional, and with the write
 * lock taken first the transaction keeps two starting processes apart.
 */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** A connection, and its statements that are compiled. */
interface OpenedFile {
  readonly database: DatabaseSync
  readonly statements: StatementCache
}

async function openNodeSqlite(file: string): Promise<OpenedFile> {
  // What is made here is for its owner's eyes only: the names and hashes of clients will be in it.
  if (file !== ':memory:') {
    makeFolder(dirname(file))
    closeSync(openSync(file, 'a', 0o600))
  }
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  await useWriteAheadLog(database)
  // With WAL, anything below FULL can lose the last commits at a power cut: a consumed refresh token would live again.
  database.exec('pragma synchronous = full')
  database.exec(`pragma cache_size = -${maxCacheKib}`)
  return { database, statements: new StatementCache(database) }
}

/**
 * The change of the journal needs the database to itself. SQLite does not wait for that when two processes that start
 * together both ask for it: each would wait for the other. It is asked for again, until one of them has it.
 */
async function useWriteAheadLog(database: DatabaseSync): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += journalPauseMs) {
    if (database.prepare('pragma journal_mode').get()?.journal_mode === 'wal') return
    try {
      database.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if (!isBusy(error) || waitedMs >= busyTimeoutMs) throw error
    }
    await wait(journalPauseMs)
  }
}

function isBusy(error: unknown): boolean {
  // https://www.sqlite.org/rescode.html#busy; the low byte is the code, and what is above it the reason.
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}

function adapt({ database, statements }: OpenedFile): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare: (text) => adaptStatement(statements, text),
  }
}

function adaptStatement(statements: StatementCache, text: string): SqliteStatement {
  const { statement, reader } = statements.get(text)
  return {
    reader,
    all: (parameters) => statement.all(...inputsOf(parameters)),
    run: (parameters) => statement.run(...inputsOf(parameters)),
    // Read row by row, while other queries may run the same text.
    iterate: (parameters) => statements.compile(text).statement.iterate(...inputsOf(parameters)),
  }
}

/** Kysely's types leave the parameters open; those of our queries are texts, numbers and nulls. */
function inputsOf(parameters: readonly unknown[]): readonly SQLInputValue[] {
  return parameters as readonly SQLInputValue[]
}
