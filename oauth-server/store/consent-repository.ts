import { type Database, joinList, splitList } from './tables.ts'

/** Whose consent to what; one for each set of resources. */
export interface ConsentKey {
  readonly userId: string
  readonly clientId: string
  /** Sorted, each once; none means any resource. */
  readonly audience: readonly string[]
}

/** The table of what users have let clients do. */
export class ConsentRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** The scopes that the user has granted to the client for these resources. */
  async findScopes({ userId, clientId, audience }: ConsentKey): Promise<string[]> {
    const row = await this.#db
      .selectFrom('consents')
      .select('scope')
      .where('user_id', '=', userId)
      .where('client_id', '=', clientId)
      .where('audience', '=', joinList(audience))
      .executeTakeFirst()
    return splitList(row?.scope ?? '')
  }

  /** Replaces the scopes that were granted before. */
  async save(key: ConsentKey, scope: readonly string[], now: number): Promise<void> {
    const granted = { scope: joinList(scope), granted_at: now }
    await this.#db
      .insertInto('consents')
      .values({
        user_id: key.userId,
        client_id: key.clientId,
        audience: joinList(key.audience),
        ...granted,
      })
      .onConflict((conflict) => conflict.columns(['user_id', 'client_id', 'audience']).doUpdateSet(granted))
      .execute()
  }
}
