import { DatabaseSync } from 'node:sqlite'

type Payload = Readonly<Record<string, unknown>>

/** oidc-provider's own rule: what is stored lives for so many seconds, or for ever. */
type LifetimeS = number | undefined

/**
 * A store for oidc-provider on the SQLite of Node, as durable as ours: WAL, `synchronous = full`, one row for what is
 * stored and one commit for each. Statements are compiled once; it looks up by id, and nothing else, which is all that
 * client credentials and introspection need.
 */
export function createSqliteAdapter(file: string) {
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal')
  database.exec('pragma synchronous = full')
  database.exec(`create table if not exists things
    (id text primary key, payload text not null, expires_at integer, consumed_at integer)`)
  const save = database.prepare(
    `insert into things (id, payload, expires_at) values (?, ?, ?)
     on conflict (id) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
  )
  const read = database.prepare('select payload, expires_at, consumed_at from things where id = ?')
  const use = database.prepare('update things set consumed_at = ? where id = ?')
  const remove = database.prepare('delete from things where id = ?')
  return class SqliteAdapter {
    readonly #model: string

    constructor(model: string) {
      this.#model = model
    }

    async upsert(id: string, payload: Payload, lifetimeS: LifetimeS): Promise<void> {
      const expiresAt = lifetimeS === undefined ? null : Date.now() + lifetimeS * 1_000
      save.run(this.#key(id), JSON.stringify(payload), expiresAt)
    }

    async find(id: string): Promise<Payload | undefined> {
      const row = read.get(this.#key(id))
      if (row === undefined || (row.expires_at !== null && Number(row.expires_at) <= Date.now()))
        return undefined
      const consumed = row.consumed_at === null ? {} : { consumed: row.consumed_at }
      return { ...JSON.parse(String(row.payload)), ...consumed }
    }

    async consume(id: string): Promise<void> {
      use.run(Math.floor(Date.now() / 1_000), this.#key(id))
    }

    async destroy(id: string): Promise<void> {
      remove.run(this.#key(id))
    }

    async findByUid(): Promise<undefined> {}

    async findByUserCode(): Promise<undefined> {}

    async revokeByGrantId(): Promise<void> {}

    #key(id: string): string {
      return `${this.#model}:${id}`
    }
  }
}
