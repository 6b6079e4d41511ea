import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import { locked } from './row-locks.ts'
import { SessionRepository } from './session-repository.ts'
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

/** A user who is to be different. */
interface ChangedUser {
  readonly before: UserRow
  readonly after: UserRow
}

/**
 * Makes the users who are not there, and changes those who are different; each username once in a batch. As with single
 * changes, whoever is kept out or gets another password is signed out.
 */
export async function upsertUsers(
  db: Database,
  users: readonly ImportedUser[],
  now: number,
): Promise<UpsertResult> {
  const known = await findLocked(db, users)
  const made: UserRow[] = []
  const changed: ChangedUser[] = []
  for (const user of users) {
    const before = known.get(usernameKey(user.username))
    const after = toRow(user, before, now)
    if (before === undefined) made.push(after)
    else if (isDifferent(before, after)) changed.push({ before, after })
  }
  const created = await insertNew(db, made)
  for (const { after } of changed)
    await db.updateTable('users').set(after).where('id', '=', after.id).execute()
  await new SessionRepository(db).deleteOfUsers(changed.filter(isSignedOut).map(({ after }) => after.id))
  const done: UpsertResult = {
    created: created.size,
    updated: changed.length,
    unchanged: users.length - made.length - changed.length,
    refreshed: changed.filter((one) => !isKeptOut(one)).map(({ after }) => after.id),
    revoked: changed.filter(isKeptOut).map(({ after }) => after.id),
  }
  const overtaken = made.filter(({ username_key }) => !created.has(username_key)).map(keyOf)
  if (overtaken.length === 0) return done
  // Somebody else has made them meanwhile: now they are users who are there.
  const again = users.filter(({ username }) => overtaken.includes(usernameKey(username)))
  return sumOf(done, await upsertUsers(db, again, now))
}

async function findLocked(
  db: Database,
  users: readonly ImportedUser[],
): Promise<ReadonlyMap<string, UserRow>> {
  const keys = users.map(({ username }) => usernameKey(username))
  const query = db.selectFrom('users').selectAll().where('username_key', 'in', keys).orderBy('username_key')
  return new Map((await locked(db, query).execute()).map((row) => [keyOf(row), row]))
}

/** The keys of those who were made, in one order for everybody, so that no two wait for one another. */
async function insertNew(db: Database, made: readonly UserRow[]): Promise<ReadonlySet<string>> {
  if (made.length === 0) return new Set()
  const rows = await db
    .insertInto('users')
    .values(made.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)))
    .onConflict((conflict) => conflict.column('username_key').doNothing())
    .returning('username_key')
    .execute()
  return new Set(rows.map(keyOf))
}

function keyOf({ username_key }: Pick<UserRow, 'username_key'>): string {
  return username_key
}

function isKeptOut({ before, after }: ChangedUser): boolean {
  return before.disabled_at === null && after.disabled_at !== null
}

function isSignedOut(changed: ChangedUser): boolean {
  return isKeptOut(changed) || changed.before.password_hash !== changed.after.password_hash
}

function sumOf(one: UpsertResult, other: UpsertResult): UpsertResult {
  return {
    created: one.created + other.created,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    refreshed: [...one.refreshed, ...other.refreshed],
    revoked: [...one.revoked, ...other.revoked],
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
