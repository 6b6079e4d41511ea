import type { Entitlement } from './client.ts'
import { entitlementOf, planColumns } from './client-repository.ts'
import { type GivenAs, PreparedQuery } from './prepared-query.ts'
import { type Database, joinList, splitList } from './tables.ts'

/** A token as it is stored: never the token itself. Times are milliseconds since the epoch. */
export interface NewToken {
  readonly hash: string
  readonly lastFour: string
  readonly clientId: string
  /** Whose token it is; `null` where it is the client's own. */
  readonly userId: string | null
  readonly familyId: string | null
  readonly scope: readonly string[]
  /** The resources (RFC 8707) that it is for; none means any. */
  readonly audience: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface NewAccessToken extends NewToken {
  /** The key that signed it; left out of an opaque token. */
  readonly keyId?: string | undefined
}

export interface NewRefreshToken extends NewToken {
  readonly familyId: string
}

/** All tokens that descend from one grant by refreshing. */
export interface TokenFamily {
  readonly id: string
  readonly clientId: string
  readonly userId: string | null
  readonly audience: readonly string[]
  /** When the last of its tokens expires. */
  readonly expiresAt: number
  /** When no refreshing puts its end off any longer. */
  readonly endsAt: number
}

/** A refresh token that has not expired and whose family is not revoked; it may have been used. */
export interface StoredRefreshToken {
  readonly hash: string
  readonly clientId: string
  readonly userId: string | null
  readonly familyId: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  readonly consumedAt: number | null
  /** What its user may see now; none for a client's own token. */
  readonly entitlements: readonly string[]
  readonly familyEndsAt: number
}

/** What a usable access token stands for: what was granted, and what its client may do now. */
export interface ActiveAccessToken {
  readonly clientId: string
  readonly userId: string | null
  readonly username: string | null
  /** What the user may see; none for a client's own token. */
  readonly entitlements: readonly string[]
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  /** The key that signed it; `null` for an opaque token. */
  readonly keyId: string | null
  readonly granted: Entitlement
}

/** The tables of tokens and their families. */
export class TokenRepository {
  readonly #db: Database
  readonly #activeAccessToken: ReturnType<typeof prepareActiveAccessToken>

  constructor(db: Database) {
    this.#db = db
    this.#activeAccessToken = prepareActiveAccessToken(db)
  }

  async insertFamily(family: TokenFamily): Promise<void> {
    await this.#db
      .insertInto('token_families')
      .values({
        id: family.id,
        client_id: family.clientId,
        user_id: family.userId,
        audience: joinList(family.audience),
        expires_at: family.expiresAt,
        ends_at: family.endsAt,
        revoked_at: null,
      })
      .execute()
  }

  /**
   * Notes that a family lives on until its newest tokens expire, and keeps whoever revokes it waiting until the
   * transaction ends; `false` where it is revoked, or gone.
   */
  async prolongFamily(id: string, expiresAt: number): Promise<boolean> {
    const row = await this.#db
      .updateTable('token_families')
      // Never sooner: an earlier access token of the family may live longer than these.
      .set(({ eb, ref }) => ({
        expires_at: eb
          .case()
          .when('expires_at', '<', expiresAt)
          .then(expiresAt)
          .else(ref('expires_at'))
          .end(),
      }))
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  }

  /** Revokes all its tokens, access tokens too; `false` where they were revoked already. */
  async revokeFamily(id: string, now: number): Promise<boolean> {
    const row = await this.#db
      .updateTable('token_families')
      .set({ revoked_at: now })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  }

  /**
   * Revokes the family of a refresh token that this client has, used or expired as it may be; its id, or `undefined` where
   * there is none, or it is revoked already.
   */
  async revokeFamilyOf(
    hash: string,
    { clientId, now }: { clientId: string; now: number },
  ): Promise<string | undefined> {
    const row = await this.#db
      .updateTable('token_families')
      .set({ revoked_at: now })
      .where('id', 'in', (tokens) =>
        tokens
          .selectFrom('refresh_tokens')
          .select('family_id')
          .where('hash', '=', hash)
          .where('client_id', '=', clientId),
      )
      .where('revoked_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    return row?.id
  }

  /** Ends one access token that this client has, and gives when it would have ended; `undefined` where it has none such. */
  async deleteAccessToken(hash: string, clientId: string): Promise<number | undefined> {
    const row = await this.#db
      .deleteFrom('access_tokens')
      .where('hash', '=', hash)
      .where('client_id', '=', clientId)
      .returning('expires_at')
      .executeTakeFirst()
    return row?.expires_at
  }

  insertAccessToken(token: NewAccessToken): Promise<void> {
    return this.insertAccessTokens([token])
  }

  /** Stores all of them, or none. */
  async insertAccessTokens(tokens: readonly NewAccessToken[]): Promise<void> {
    const rows = tokens.map((token) => ({ ...toRow(token), key_id: token.keyId ?? null }))
    await this.#db.insertInto('access_tokens').values(rows).execute()
  }

  async insertRefreshToken(token: NewRefreshToken): Promise<void> {
    const row = { ...toRow(token), family_id: token.familyId, consumed_at: null }
    await this.#db.insertInto('refresh_tokens').values(row).execute()
  }

  async findActiveAccessToken(hash: string, now: number): Promise<ActiveAccessToken | undefined> {
    const [row] = await this.#activeAccessToken.run({ hash, now })
    return (
      row && {
        clientId: row.client_id,
        userId: row.user_id,
        username: row.username,
        entitlements: splitList(row.entitlements ?? ''),
        scope: splitList(row.scope),
        audience: splitList(row.audience),
        issuedAt: row.issued_at,
        expiresAt: row.expires_at,
        keyId: row.key_id,
        granted: entitlementOf(row),
      }
    )
  }

  async findRefreshToken(hash: string, now: number): Promise<StoredRefreshToken | undefined> {
    const row = await this.#db
      .selectFrom('refresh_tokens as token')
      .innerJoin('token_families as family', 'family.id', 'token.family_id')
      .leftJoin('users as user', 'user.id', 'token.user_id')
      .select(['token.hash', 'token.client_id', 'token.user_id', 'token.family_id', 'token.scope'])
      .select(['token.audience', 'token.consumed_at', 'user.entitlements', 'family.ends_at'])
      .where('token.hash', '=', hash)
      .where('token.expires_at', '>', now)
      .where('user.disabled_at', 'is', null)
      .where('family.revoked_at', 'is', null)
      .executeTakeFirst()
    return (
      row && {
        hash: row.hash,
        clientId: row.client_id,
        userId: row.user_id,
        familyId: row.family_id,
        scope: splitList(row.scope),
        audience: splitList(row.audience),
        consumedAt: row.consumed_at,
        entitlements: splitList(row.entitlements ?? ''),
        familyEndsAt: row.ends_at,
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

/** Reads what an access token stands for, for as long as it can be used. */
function prepareActiveAccessToken(db: Database) {
  return new PreparedQuery(db, (given: GivenAs<{ hash: string; now: number }>) =>
    db
      .selectFrom('access_tokens as token')
      .innerJoin('clients as client', 'client.id', 'token.client_id')
      .leftJoin('plans as plan', 'plan.id', 'client.plan_id')
      .leftJoin('users as user', 'user.id', 'token.user_id')
      .leftJoin('token_families as family', 'family.id', 'token.family_id')
      .select(['token.client_id', 'token.user_id', 'token.scope', 'token.audience'])
      .select(['token.issued_at', 'token.expires_at', 'token.key_id', 'user.username', 'user.entitlements'])
      .select(['client.roles', 'client.rate_limit', 'client.rate_limit_window_ms'])
      .select(planColumns)
      .where('token.hash', '=', given('hash'))
      .where('token.expires_at', '>', given('now'))
      .where('client.disabled_at', 'is', null)
      .where('user.disabled_at', 'is', null)
      .where('family.revoked_at', 'is', null),
  )
}

function toRow(token: NewToken) {
  return {
    hash: token.hash,
    last_four: token.lastFour,
    client_id: token.clientId,
    user_id: token.userId,
    family_id: token.familyId,
    scope: joinList(token.scope),
    audience: joinList(token.audience),
    issued_at: token.issuedAt,
    expires_at: token.expiresAt,
  }
}
