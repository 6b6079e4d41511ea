import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqliteStatement } from 'kysely'

/** A statement that the database has compiled. */
export interface CompiledStatement {
  readonly statement: StatementSync
  /** Whether it gives rows. */
  readonly reader: SqliteStatement['reader']
}

/** More than the program has different statements; texts with lists of any length among them could be more. */
const maxStatements = 500

/** Keeps compiled statements by their text: compiling one costs several times what running it does. */
export class StatementCache {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, CompiledStatement>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** The statement of this text, compiled now or before; the one that was not used for longest is let go. */
  get(text: string): CompiledStatement {
    const found = this.#statements.get(text) ?? this.compile(text)
    this.#statements.delete(text)
    this.#statements.set(text, found)
    if (this.#statements.size > maxStatements) this.#forgetOldest()
    return found
  }

  /** A statement of its own, for whoever uses it over a time in which others may run. */
  compile(text: string): CompiledStatement {
    const statement = this.#database.prepare(text)
    return { statement, reader: statement.columns().length > 0 }
  }

  #forgetOldest(): void {
    for (const text of this.#statements.keys()) {
      this.#statements.delete(text)
      return
    }
  }
}
