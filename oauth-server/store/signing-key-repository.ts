import { sql } from 'kysely'
import type { Database } from './tables.ts'

/** How access tokens can be signed: by ECDSA on P-256, or by Ed25519. */
export const signingAlgorithms = ['ES256', 'EdDSA'] as const

export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** A key pair as it is stored. It signs from its time on until that of the next generation. */
export interface StoredSigningKey {
  /** The key's thumbprint (RFC 7638), by which tokens name it. */
  readonly kid: string
  /** 1 for the first, and one more for each that follows. */
  readonly generation: number
  readonly algorithm: SigningAlgorithm
  /** As JSON. */
  readonly publicJwk: string
  /** The private JWK, encrypted (JWE) by a key that is not in the database. */
  readonly privateJwe: string
  readonly createdAt: number
  readonly signsFrom: number
}

/** Servers' clocks differ: one that runs behind may sign with an old key a little longer. */
const clockMarginMs = 3_600_000

/** The table of signing keys. */
export class SigningKeyRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Every key, the oldest first. */
  async list(): Promise<StoredSigningKey[]> {
    const rows = await this.#db.selectFrom('signing_keys').selectAll().orderBy('generation').execute()
    return rows.map((row) => ({
      kid: row.kid,
      generation: row.generation,
      algorithm: row.algorithm as SigningAlgorithm,
      publicJwk: row.public_jwk,
      privateJwe: row.private_jwe,
      createdAt: row.created_at,
      signsFrom: row.signs_from,
    }))
  }

  /** Stores a key; `false`, and nothing is stored, where another process has made this generation. */
  async insert(key: StoredSigningKey): Promise<boolean> {
    const row = await this.#db
      .insertInto('signing_keys')
      .values({
        kid: key.kid,
        generation: key.generation,
        algorithm: key.algorithm,
        public_jwk: key.publicJwk,
        private_jwe: key.privateJwe,
        created_at: key.createdAt,
        signs_from: key.signsFrom,
      })
      .onConflict((conflict) => conflict.column('generation').doNothing())
      .returning('kid')
      .executeTakeFirst()
    return row !== undefined
  }

  /** Deletes every key that is older than this generation; gives their names. */
  async deleteOlderThan(generation: number): Promise<string[]> {
    const rows = await this.#db
      .deleteFrom('signing_keys')
      .where('generation', '<', generation)
      .returning('kid')
      .execute()
    return rows.map(({ kid }) => kid)
  }

  /** Deletes the keys that sign no more and whose last token has expired; gives how many. */
  async deleteRetired(now: number): Promise<number> {
    const result = await this.#db
      .deleteFrom('signing_keys')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('signing_keys as next')
            .select(sql`1`.as('one'))
            .whereRef('next.generation', '>', 'signing_keys.generation')
            .where('next.signs_from', '<=', now - clockMarginMs),
        ),
      )
      .where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('access_tokens as token')
              .select(sql`1`.as('one'))
              .whereRef('token.key_id', '=', 'signing_keys.kid')
              .where('token.expires_at', '>', now),
          ),
        ),
      )
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }
}
