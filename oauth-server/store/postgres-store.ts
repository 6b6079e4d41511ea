import { createHash } from 'node:crypto'
import { type CompiledQuery, Kysely, PostgresDialect, type PostgresDialectConfig } from 'kysely'
import type pg from 'pg'
import type { DirectReads } from './prepared-query.ts'
import type { Tables } from './tables.ts'

/** Kysely on Postgres. */
export class PostgresStore extends Kysely<Tables> implements DirectReads {
  readonly #pool: pg.Pool
  readonly #names = new Map<string, string>()

  constructor(pool: pg.Pool, config: Partial<PostgresDialectConfig> = {}) {
    super({ dialect: new PostgresDialect({ ...config, pool }) })
    this.#pool = pool
  }

  /**
   * By a named statement, which Postgres parses and plans once for each connection: for a query of several tables that
   * takes it longer than to find the rows.
   */
  async readDirectly<Row>({ sql, parameters }: CompiledQuery<Row>): Promise<Row[]> {
    const query = { name: this.#nameOf(sql), text: sql, values: [...parameters] }
    return (await this.#pool.query(query)).rows as Row[]
  }

  /** The text's own, so that no two texts of a connection, which may outlive this object at a proxy, share a name. */
  #nameOf(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    const name = `passerelle_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    this.#names.set(text, name)
    return name
  }
}
