import { type Database, joinList, splitList } from './tables.ts'

/** What an authorization code was given for. Times are milliseconds since the epoch. */
export interface AuthorizationCode {
  readonly hash: string
  readonly clientId: string
  readonly userId: string
  /** As the request gave it; `null` where it gave none, because the client has only one. */
  readonly redirectUri: string | null
  /** RFC 7636 §4.2, of the method S256. */
  readonly codeChallenge: string
  readonly scope: readonly string[]
  /** The resources (RFC 8707) that its tokens will be for; none means any. */
  readonly audience: readonly string[]
  /** The family of the tokens that it is exchanged for: known beforehand, so that a second exchange can end it. */
  readonly familyId: string
  readonly expiresAt: number
}

/** A code that is not forgotten yet; it may have expired or been used. */
export interface StoredCode extends AuthorizationCode {
  /** What its user may see. */
  readonly entitlements: readonly string[]
  readonly consumedAt: number | null
}

/** The table of authorization codes, by their hashes. */
export class CodeRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async insert(code: AuthorizationCode): Promise<void> {
    await this.#db
      .insertInto('authorization_codes')
      .values({
        hash: code.hash,
        client_id: code.clientId,
        user_id: code.userId,
        redirect_uri: code.redirectUri,
        code_challenge: code.codeChallenge,
        scope: joinList(code.scope),
        audience: joinList(code.audience),
        family_id: code.familyId,
        expires_at: code.expiresAt,
        kept_until: code.expiresAt,
        consumed_at: null,
      })
      .execute()
  }

  /** The code of a user who is not disabled. */
  async find(hash: string): Promise<StoredCode | undefined> {
    const row = await this.#db
      .selectFrom('authorization_codes as code')
      .innerJoin('users as user', 'user.id', 'code.user_id')
      .selectAll('code')
      .select('user.entitlements')
      .where('code.hash', '=', hash)
      .where('user.disabled_at', 'is', null)
      .executeTakeFirst()
    return (
      row && {
        hash: row.hash,
        clientId: row.client_id,
        userId: row.user_id,
        redirectUri: row.redirect_uri,
        codeChallenge: row.code_challenge,
        scope: splitList(row.scope),
        audience: splitList(row.audience),
        entitlements: splitList(row.entitlements),
        familyId: row.family_id,
        expiresAt: row.expires_at,
        consumedAt: row.consumed_at,
      }
    )
  }

  /**
   * Uses a code up. One statement decides, so that of any number of parallel exchanges exactly one is told `true`. The
   * row is kept as long as its tokens can live: a second exchange must find out what to revoke.
   */
  async consume(hash: string, { now, keptUntil }: { now: number; keptUntil: number }): Promise<boolean> {
    const row = await this.#db
      .updateTable('authorization_codes')
      .set({ consumed_at: now, kept_until: keptUntil })
      .where('hash', '=', hash)
      .where('consumed_at', 'is', null)
      .where('expires_at', '>', now)
      .returning('hash')
      .executeTakeFirst()
    return row !== undefined
  }
}
