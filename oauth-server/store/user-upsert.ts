import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import { type Database, joinList, type Tables } from './tables.ts'
import { usernameKey } from './user-repository.ts'

/** How a user is to be. What is `undefined` stays as it is, or is as for any new user. */
export interface ImportedUser {
  readonly username: string
  readonly displayName: string | undefined
  readonly entitlements: readonly string[] | undefined
  /** `null` takes the password away. */
  readonly passwordHash: string | null | undefined
  readonly isDisabled: boolean | undefined
}

/** What came of a batch. */
export interface UpsertResult {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  /** Ids of users whose tokens stand for something else from now on. */
  readonly refreshed: readonly string[]
  /** Ids of users whose tokens are no longer good. */
  readonly revoked: readonly string[]
}

type UserRow = Selectable<Tables['users']>

/** Makes the users who are not there, and changes those who are different; each username once in a batch. */
export async function upsertUsers(
  db: Database,
  users: readonly ImportedUser[],
  now: number,
): Promise<UpsertResult> {
  const rows = await db
    .selectFrom('users')
    .selectAll()
    .where(
      'username_key',
      'in',
      users.map(({ username }) => usernameKey(username)),
    )
    .execute()
  const known = new Map(rows.map((row) => [row.username_key, row]))
  const created: UserRow[] = []
  const changed: { readonly before: UserRow; readonly after: UserRow }[] = []
  for (const user of users) {
    const before = known.get(usernameKey(user.username))
    const after = toRow(user, before, now)
    if (before === undefined) created.push(after)
    else if (isDifferent(before, after)) changed.push({ before, after })
  }
  if (created.length > 0) await db.insertInto('users').values(created).execute()
  for (const { after } of changed)
    await db.updateTable('users').set(after).where('id', '=', after.id).execute()
  const isRevoked = ({ before, after }: { before: UserRow; after: UserRow }) =>
    before.disabled_at === null && after.disabled_at !== null
  return {
    created: created.length,
    updated: changed.length,
    unchanged: users.length - created.length - changed.length,
    refreshed: changed.filter((one) => !isRevoked(one)).map(({ after }) => after.id),
    revoked: changed.filter(isRevoked).map(({ after }) => after.id),
  }
}

function toRow(user: ImportedUser, before: UserRow | undefined, now: number): UserRow {
  const disabledAt = before?.disabled_at ?? null
  return {
    id: before?.id ?? randomUUID(),
    username: user.username,
    username_key: usernameKey(user.username),
    display_name: user.displayName ?? before?.display_name ?? user.username,
    password_hash: user.passwordHash === undefined ? (before?.password_hash ?? null) : user.passwordHash,
    entitlements:
      user.entitlements === undefined ? (before?.entitlements ?? '') : joinList(user.entitlements),
    created_at: before?.created_at ?? now,
    updated_at: now,
    disabled_at: user.isDisabled === undefined ? disabledAt : user.isDisabled ? (disabledAt ?? now) : null,
  }
}

function isDifferent(before: UserRow, after: UserRow): boolean {
  const { updated_at: _old, ...old } = before
  const { updated_at: _young, ...young } = after
  return Object.entries(young).some(([column, value]) => old[column as keyof typeof old] !== value)
}
