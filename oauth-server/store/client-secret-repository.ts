import type { Database } from './tables.ts'

/** A secret as it is stored: never the secret itself. Times are milliseconds since the epoch. */
export interface ClientSecret {
  readonly id: string
  readonly clientId: string
  readonly hash: string
  /** Empty for a secret that was made before they were kept. */
  readonly lastFour: string
  readonly createdAt: number
  readonly expiresAt: number | null
}

/** The table of clients' secrets. */
export class ClientSecretRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async insert(secret: ClientSecret): Promise<void> {
    await this.#db
      .insertInto('client_secrets')
      .values({
        id: secret.id,
        client_id: secret.clientId,
        hash: secret.hash,
        last_four: secret.lastFour,
        created_at: secret.createdAt,
        expires_at: secret.expiresAt,
      })
      .execute()
  }

  /** A client's secrets that have not expired, oldest first. */
  async listActive(clientId: string, now: number): Promise<ClientSecret[]> {
    const rows = await this.#db
      .selectFrom('client_secrets')
      .selectAll()
      .where('client_id', '=', clientId)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map((row) => ({
      id: row.id,
      clientId: row.client_id,
      hash: row.hash,
      lastFour: row.last_four,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }))
  }

  async expire(id: string, expiresAt: number): Promise<void> {
    await this.#db
      .updateTable('client_secrets')
      .set({ expires_at: expiresAt })
      .where('id', '=', id)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', expiresAt)]))
      .execute()
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('client_secrets').where('id', '=', id).execute()
  }

  /** Removes what can no longer be used. */
  async deleteExpired(clientId: string, now: number): Promise<void> {
    await this.#db
      .deleteFrom('client_secrets')
      .where('client_id', '=', clientId)
      .where('expires_at', '<=', now)
      .execute()
  }
}
