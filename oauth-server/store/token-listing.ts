import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Selectable, sql } from 'kysely'
import { type Page, type PageRequest, scanPage, timeIn } from './bounded-scan.ts'
import { type Database, splitList, type Tables } from './tables.ts'

/** Whose tokens are meant. */
export interface TokenOwner {
  readonly kind: 'client' | 'user'
  readonly id: string
}

/** A token that has not expired, as an administrator sees it. Times are milliseconds since the epoch. */
export interface ListedToken {
  /** Names the token where it is listed and revoked, and is of no use anywhere else. */
  readonly id: string
  readonly kind: 'access' | 'refresh'
  readonly lastFour: string
  readonly clientId: string
  readonly userId: string | null
  readonly familyId: string | null
  readonly scope: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

/** 128 bits of the hash tell tokens apart, and lead back neither to the token nor to the hash. */
const idLength = 32

/** The hash that a token is stored by, shortened: see {@link ListedToken}. */
export function tokenIdOf(hash: string): string {
  return hash.slice(0, idLength)
}

/** An owner's tokens, newest first: access tokens, and refresh tokens that were not used yet. */
export function pageTokens(
  db: Database,
  owner: TokenOwner,
  { now, ...request }: PageRequest & { readonly now: number },
): Promise<Page<ListedToken>> {
  return scanPage<ListedToken & { readonly hash: string }>({
    ...request,
    read: async (after, count) => {
      const place = after && { issuedAt: timeIn(after), hash: String(after[1]) }
      const [access, refresh] = await Promise.all([
        selectTokens(db, owner, { table: 'access_tokens', now, place, count }),
        selectTokens(db, owner, { table: 'refresh_tokens', now, place, count }),
      ])
      return [...access, ...refresh]
        .sort((one, other) => other.issuedAt - one.issuedAt || (one.hash < other.hash ? 1 : -1))
        .slice(0, count)
    },
    // The whole hash is shown to nobody, not even within a cursor.
    keyOf: ({ issuedAt, id }) => [issuedAt, id],
  }).then((page) => ({ ...page, items: page.items.map(({ hash: _hash, ...token }) => token) }))
}

type TokenTable = 'access_tokens' | 'refresh_tokens'

interface TokenStep {
  readonly table: TokenTable
  readonly now: number
  readonly place: { readonly issuedAt: number; readonly hash: string } | undefined
  readonly count: number
}

async function selectTokens(db: Database, owner: TokenOwner, { table, now, place, count }: TokenStep) {
  let query = selectLive(db, table, now).where(`token.${ownerColumn(owner)}`, '=', owner.id)
  // One that was used is kept for a while, to know it when it comes back.
  if (table === 'refresh_tokens') query = query.where('token.consumed_at', 'is', null)
  if (place !== undefined)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('token.issued_at', 'token.hash'), '<', tuple(place.issuedAt, place.hash)),
    )
  const rows = await query
    .orderBy('token.issued_at', 'desc')
    .orderBy('token.hash', 'desc')
    .limit(count)
    .execute()
  return rows.map((row) => toListed(row, table))
}

/**
 * A token of this owner with the hash that it is stored by, or a refresh token that was used since it was listed, with what
 * descends from it; `undefined` where the owner has none by this id.
 */
export async function findToken(
  db: Database,
  owner: TokenOwner,
  { id, now }: { readonly id: string; readonly now: number },
): Promise<(ListedToken & { readonly hash: string }) | undefined> {
  if (id.length !== idLength || !/^[0-9a-f]+$/.test(id)) return undefined
  for (const table of ['access_tokens', 'refresh_tokens'] as const) {
    const row = await selectLive(db, table, now)
      .where('token.hash', '>=', id)
      // The sign after the last hexadecimal one, in any order of letters.
      .where('token.hash', '<', `${id}g`)
      .where(`token.${ownerColumn(owner)}`, '=', owner.id)
      .executeTakeFirst()
    if (row !== undefined) return toListed(row, table)
  }
  return undefined
}

/** What has neither expired nor been revoked. */
function selectLive(db: Database, table: TokenTable, now: number) {
  return db
    .selectFrom(sql<Selectable<Tables['refresh_tokens']>>`${sql.table(table)}`.as('token'))
    .leftJoin('token_families as family', 'family.id', 'token.family_id')
    .select(['token.hash', 'token.last_four', 'token.client_id', 'token.user_id', 'token.family_id'])
    .select(['token.scope', 'token.issued_at', 'token.expires_at'])
    .where('token.expires_at', '>', now)
    .where('family.revoked_at', 'is', null)
}

type TokenColumns = Omit<Selectable<Tables['refresh_tokens']>, 'audience' | 'consumed_at' | 'family_id'> & {
  readonly family_id: string | null
}

function toListed(row: TokenColumns, table: TokenTable): ListedToken & { readonly hash: string } {
  return {
    hash: row.hash,
    id: tokenIdOf(row.hash),
    kind: table === 'access_tokens' ? 'access' : 'refresh',
    lastFour: row.last_four,
    clientId: row.client_id,
    userId: row.user_id,
    familyId: row.family_id,
    scope: splitList(row.scope),
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
  }
}

function ownerColumn({ kind }: TokenOwner) {
  return kind === 'client' ? 'client_id' : 'user_id'
}

export async function deleteAccessToken(db: Database, hash: string): Promise<void> {
  await db.deleteFrom('access_tokens').where('hash', '=', hash).execute()
}

const deletedAtATime = 500

/**
 * Deletes an owner's tokens with their families, in small steps that let others work in between; returns how many
 * tokens went. What is issued after `until` stays, so that a busy client cannot keep the work from ending; but for what
 * descends from a refresh token that goes.
 */
export async function deleteTokensOf(db: Database, owner: TokenOwner, until: number): Promise<number> {
  let deleted = 0
  for (const table of ['refresh_tokens', 'access_tokens'] as const)
    for (let count = deletedAtATime; count >= deletedAtATime; deleted += count) {
      const rows = await db
        .selectFrom(table)
        .select(['hash', 'family_id'])
        .where(ownerColumn(owner), '=', owner.id)
        .where('issued_at', '<=', until)
        .limit(deletedAtATime)
        .execute()
      count = rows.length
      if (table === 'refresh_tokens') await endFamilies(db, rows, until)
      await deleteByHash(db, table, rows)
      await nextTurn()
    }
  await deleteEmptyFamilies(db, owner)
  return deleted
}

interface StoredToken {
  readonly hash: string
  readonly family_id: string | null
}

/** A refresh that is under way has used its token up already, and brings another: its family ends before it goes. */
async function endFamilies(db: Database, tokens: readonly StoredToken[], now: number): Promise<void> {
  const ids = [...new Set(tokens.flatMap(({ family_id }) => family_id ?? []))].sort()
  if (ids.length === 0) return
  await db
    .updateTable('token_families')
    .set({ revoked_at: now })
    .where('id', 'in', ids)
    .where('revoked_at', 'is', null)
    .execute()
}

async function deleteByHash(db: Database, table: TokenTable, tokens: readonly StoredToken[]): Promise<void> {
  if (tokens.length === 0) return
  const hashes = tokens.map(({ hash }) => hash)
  await db.deleteFrom(table).where('hash', 'in', hashes).execute()
}

/** Those that no token is left of; a refresh that is under way has put its successor in before. */
async function deleteEmptyFamilies(db: Database, owner: TokenOwner): Promise<void> {
  for (let count = deletedAtATime; count >= deletedAtATime; ) {
    const result = await db
      .deleteFrom('token_families')
      .where('id', 'in', (rows) =>
        rows
          .selectFrom('token_families as family')
          .select('family.id')
          .where(`family.${ownerColumn(owner)}`, '=', owner.id)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('refresh_tokens as token')
                  .select('token.hash')
                  .whereRef('token.family_id', '=', 'family.id'),
              ),
            ),
          )
          .limit(deletedAtATime),
      )
      .executeTakeFirst()
    count = Number(result.numDeletedRows)
    await nextTurn()
  }
}
