import type { Selectable } from 'kysely'
import type { Quota } from '../../common/quota.ts'
import { type Database, joinList, splitList, type Tables } from './tables.ts'

/** The grants that a client can be allowed, as RFC 6749 names them. */
export type GrantType = 'client_credentials' | 'refresh_token'

/** An application that may have tokens. */
export interface Client {
  readonly id: string
  readonly name: string
  /** Sorted, each once. */
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly quota: Quota
  readonly grantTypes: readonly GrantType[]
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Since when it may not have tokens nor use those it has; milliseconds since the epoch. */
  readonly disabledAt: number | null
}

/** The clients table. */
export class ClientRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async insert(client: Client, secretHash: string): Promise<void> {
    await this.#db
      .insertInto('clients')
      .values({
        id: client.id,
        name: client.name,
        secret_hash: secretHash,
        roles: joinList(client.roles),
        scopes: joinList(client.scopes),
        grant_types: joinList(client.grantTypes),
        rate_limit: client.quota.limit,
        rate_limit_window_ms: client.quota.windowMs,
        created_at: client.createdAt,
        disabled_at: client.disabledAt,
      })
      .execute()
  }

  async find(id: string): Promise<Client | undefined> {
    return (await this.findWithSecretHash(id))?.client
  }

  async findWithSecretHash(id: string): Promise<{ client: Client; secretHash: string } | undefined> {
    const row = await this.#db.selectFrom('clients').selectAll().where('id', '=', id).executeTakeFirst()
    return row && { client: toClient(row), secretHash: row.secret_hash }
  }

  /** Every client, oldest first. */
  async list(): Promise<Client[]> {
    const rows = await this.#db
      .selectFrom('clients')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map(toClient)
  }
}

function toClient(row: Selectable<Tables['clients']>): Client {
  return {
    id: row.id,
    name: row.name,
    roles: splitList(row.roles),
    scopes: splitList(row.scopes),
    quota: { limit: row.rate_limit, windowMs: row.rate_limit_window_ms },
    // Only this class writes the column.
    grantTypes: splitList(row.grant_types) as GrantType[],
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }
}
