import type { Quota } from '../../common/quota.ts'
import { type Database, joinList, splitList } from './tables.ts'

/** A token as it is stored: never the token itself. Times are milliseconds since the epoch. */
export interface NewToken {
  readonly hash: string
  readonly lastFour: string
  readonly clientId: string
  readonly familyId: string | null
  readonly scope: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface NewRefreshToken extends NewToken {
  readonly familyId: string
}

/** All tokens that descend from one grant by refreshing. */
export interface TokenFamily {
  readonly id: string
  readonly clientId: string
  /** When the last of its tokens expires. */
  readonly expiresAt: number
}

/** A refresh token that has not expired and whose family is not revoked; it may have been used. */
export interface StoredRefreshToken {
  readonly hash: string
  readonly clientId: string
  readonly familyId: string
  readonly scope: readonly string[]
  readonly consumedAt: number | null
}

/** What a usable access token stands for: what was granted, and what its client may do now. */
export interface ActiveAccessToken {
  readonly clientId: string
  readonly scope: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly roles: readonly string[]
  readonly quota: Quota
}

/** The tables of tokens and their families. */
export class TokenRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Notes a family, or that a known one lives on until its newest tokens expire. */
  async saveFamily(family: TokenFamily): Promise<void> {
    await this.#db
      .insertInto('token_families')
      .values({ id: family.id, client_id: family.clientId, expires_at: family.expiresAt, revoked_at: null })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ expires_at: family.expiresAt }))
      .execute()
  }

  async revokeFamily(id: string, now: number): Promise<void> {
    await this.#db
      .updateTable('token_families')
      .set({ revoked_at: now })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .execute()
  }

  async insertAccessToken(token: NewToken): Promise<void> {
    await this.#db.insertInto('access_tokens').values(toRow(token)).execute()
  }

  async insertRefreshToken(token: NewRefreshToken): Promise<void> {
    const row = { ...toRow(token), family_id: token.familyId, consumed_at: null }
    await this.#db.insertInto('refresh_tokens').values(row).execute()
  }

  async findActiveAccessToken(hash: string, now: number): Promise<ActiveAccessToken | undefined> {
    const row = await this.#db
      .selectFrom('access_tokens as token')
      .innerJoin('clients as client', 'client.id', 'token.client_id')
      .leftJoin('token_families as family', 'family.id', 'token.family_id')
      .select(['token.client_id', 'token.scope', 'token.issued_at', 'token.expires_at'])
      .select(['client.roles', 'client.rate_limit', 'client.rate_limit_window_ms'])
      .where('token.hash', '=', hash)
      .where('token.expires_at', '>', now)
      .where('client.disabled_at', 'is', null)
      .where('family.revoked_at', 'is', null)
      .executeTakeFirst()
    return (
      row && {
        clientId: row.client_id,
        scope: splitList(row.scope),
        issuedAt: row.issued_at,
        expiresAt: row.expires_at,
        roles: splitList(row.roles),
        quota: { limit: row.rate_limit, windowMs: row.rate_limit_window_ms },
      }
    )
  }

  async findRefreshToken(hash: string, now: number): Promise<StoredRefreshToken | undefined> {
    const row = await this.#db
      .selectFrom('refresh_tokens as token')
      .innerJoin('token_families as family', 'family.id', 'token.family_id')
      .select(['token.hash', 'token.client_id', 'token.family_id', 'token.scope', 'token.consumed_at'])
      .where('token.hash', '=', hash)
      .where('token.expires_at', '>', now)
      .where('family.revoked_at', 'is', null)
      .executeTakeFirst()
    return (
      row && {
        hash: row.hash,
        clientId: row.client_id,
        familyId: row.family_id,
        scope: splitList(row.scope),
        consumedAt: row.consumed_at,
      }
    )
  }

  /**
   * Uses a refresh token up. One statement decides, so that of any number of parallel uses exactly one is told `true`;
   * on Postgres the others wait for its transaction and look again.
   */
  async consumeRefreshToken(hash: string, now: number): Promise<boolean> {
    const row = await this.#db
      .updateTable('refresh_tokens')
      .set({ consumed_at: now })
      .where('hash', '=', hash)
      .where('consumed_at', 'is', null)
      .returning('hash')
      .executeTakeFirst()
    return row !== undefined
  }
}

function toRow(token: NewToken) {
  return {
    hash: token.hash,
    last_four: token.lastFour,
    client_id: token.clientId,
    family_id: token.familyId,
    scope: joinList(token.scope),
    issued_at: token.issuedAt,
    expires_at: token.expiresAt,
  }
}
