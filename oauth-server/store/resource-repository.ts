import type { TokenFormat } from './client.ts'
import { type Database, splitList } from './tables.ts'

/** An API that tokens can be for (RFC 8707). */
export interface Resource {
  readonly uri: string
  readonly name: string
  readonly tokenFormat: TokenFormat
  /** Milliseconds; `null` where the client's or the server's lifetime holds. */
  readonly accessTokenLifetimeMs: number | null
  readonly createdAt: number
}

/** The table of resources. */
export class ResourceRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Stores a resource; `false`, and nothing is stored, where there is one of this URI. */
  async insert(resource: Resource): Promise<boolean> {
    const row = await this.#db
      .insertInto('resources')
      .values({
        uri: resource.uri,
        name: resource.name,
        token_format: resource.tokenFormat,
        access_token_lifetime_ms: resource.accessTokenLifetimeMs,
        created_at: resource.createdAt,
      })
      .onConflict((conflict) => conflict.column('uri').doNothing())
      .returning('uri')
      .executeTakeFirst()
    return row !== undefined
  }

  async delete(uri: string): Promise<boolean> {
    const row = await this.#db
      .deleteFrom('resources')
      .where('uri', '=', uri)
      .returning('uri')
      .executeTakeFirst()
    return row !== undefined
  }

  /** Every resource, the oldest first. */
  async list(): Promise<Resource[]> {
    const rows = await this.#select().orderBy('created_at').orderBy('uri').execute()
    return rows.map(toResource)
  }

  /** Those of these URIs that are known. */
  async find(uris: readonly string[]): Promise<Resource[]> {
    if (uris.length === 0) return []
    const rows = await this.#select()
      .where('uri', 'in', [...uris])
      .execute()
    return rows.map(toResource)
  }

  /** The clients that may have tokens for it. */
  async clientsOf(uri: string): Promise<string[]> {
    // LIKE would find parts of other URIs, and take their underscores for any sign.
    const rows = await this.#db
      .selectFrom('clients')
      .select(['id', 'audiences'])
      .where('audiences', '!=', '')
      .orderBy('id')
      .execute()
    return rows.filter(({ audiences }) => splitList(audiences).includes(uri)).map(({ id }) => id)
  }

  #select() {
    return this.#db.selectFrom('resources').selectAll()
  }
}

function toResource(row: {
  uri: string
  name: string
  token_format: string
  access_token_lifetime_ms: number | null
  created_at: number
}): Resource {
  return {
    uri: row.uri,
    name: row.name,
    tokenFormat: row.token_format as TokenFormat,
    accessTokenLifetimeMs: row.access_token_lifetime_ms,
    createdAt: row.created_at,
  }
}
