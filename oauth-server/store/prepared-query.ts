import type { CompiledQuery, QueryResult } from 'kysely'
import type { Database } from './tables.ts'

/** A store that can read past Kysely. */
export interface DirectReads {
  /**
   * The rows of a query that only reads, as what is committed says them; `undefined` where only Kysely can tell now.
   */
  readDirectly<Row>(query: CompiledQuery<Row>): Row[] | Promise<Row[]> | undefined
}

/** Values by the names that a query has for them. */
type Values = Readonly<Record<string, string | number | null>>

/** A place in a query where a value will be. */
class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** Gives what stands for a named value while the query is built; its type is what the query sees. */
export type GivenAs<Given extends Values> = <Name extends keyof Given & string>(name: Name) => Given[Name]

/**
 * A query that only reads, and whose text is made once. Kysely builds and compiles a query at every call otherwise, which
 * costs about as much as SQLite takes to run one of those that every request makes; it is for those.
 */
export class PreparedQuery<Given extends Values, Row> {
  readonly #db: Database
  readonly #build: (given: GivenAs<Given>) => { compile(): CompiledQuery<Row> }
  #compiled: CompiledQuery<Row> | undefined

  /** `build` is called once, at the first run. Every value that differs from run to run must come from `given`. */
  constructor(db: Database, build: (given: GivenAs<Given>) => { compile(): CompiledQuery<Row> }) {
    this.#db = db
    this.#build = build
  }

  /** The rows for these values. */
  async run(values: Given): Promise<Row[]> {
    this.#compiled ??= this.#compile()
    const compiled = this.#compiled
    const parameters = compiled.parameters.map((value) =>
      value instanceof Placeholder ? values[value.name] : value,
    )
    const query = { ...compiled, parameters }
    const rows = canReadDirectly(this.#db) ? this.#db.readDirectly<Row>(query) : undefined
    if (rows !== undefined) return rows
    const result: QueryResult<Row> = await this.#db.executeQuery(query)
    return result.rows
  }

  #compile(): CompiledQuery<Row> {
    return this.#build((name) => new Placeholder(name) as unknown as Given[typeof name]).compile()
  }
}

/** A transaction cannot: what it reads has to be its own. */
function canReadDirectly(db: Database): db is Database & DirectReads {
  return 'readDirectly' in db
}
