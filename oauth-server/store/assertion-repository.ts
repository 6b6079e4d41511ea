import type { Database } from './tables.ts'

/** An assertion that a client has proved itself with. */
export interface UsedAssertion {
  readonly clientId: string
  /** A hash of the client's own id for it (`jti`), which may be any text. */
  readonly idHash: string
  /** Until when it must be remembered; milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The table of the assertions that were used. */
export class AssertionRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Notes that an assertion is used. One statement decides, so that of any number of parallel uses, in any number of
   * processes, exactly one is told `true`.
   */
  async use({ clientId, idHash, expiresAt }: UsedAssertion): Promise<boolean> {
    const row = await this.#db
      .insertInto('client_assertions')
      .values({ client_id: clientId, id_hash: idHash, expires_at: expiresAt })
      .onConflict((conflict) => conflict.columns(['client_id', 'id_hash']).doNothing())
      .returning('id_hash')
      .executeTakeFirst()
    return row !== undefined
  }
}
