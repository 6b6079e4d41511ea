import type { Selectable } from 'kysely'
import { locked } from './row-locks.ts'
import { type Database, joinList, splitList, type Tables } from './tables.ts'

/** A person who can let clients act for them. Times are milliseconds since the epoch. */
export interface User {
  /** The subject of their tokens; it never changes. */
  readonly id: string
  readonly username: string
  readonly displayName: string
  /** What the user may see. Sorted, each once. */
  readonly entitlements: readonly string[]
  /** Whether there is a password; without one nobody can sign in as this user here. */
  readonly hasPassword: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** Since when the user can neither sign in nor be acted for. */
  readonly disabledAt: number | null
}

/** What an admin can change of a user. */
export type UserChanges = Partial<Pick<User, 'username' | 'displayName' | 'entitlements'>>

/** The table of users. */
export class UserRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async insert(user: User, passwordHash: string | null): Promise<void> {
    await this.#db
      .insertInto('users')
      .values({
        id: user.id,
        username: user.username,
        username_key: usernameKey(user.username),
        display_name: user.displayName,
        password_hash: passwordHash,
        entitlements: joinList(user.entitlements),
        created_at: user.createdAt,
        updated_at: user.updatedAt,
        disabled_at: user.disabledAt,
      })
      .execute()
  }

  async find(id: string): Promise<User | undefined> {
    const row = await this.#db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    return row && toUser(row)
  }

  /** As {@link find}, within a transaction that keeps other changes of the user waiting until it ends. */
  async findLocked(id: string): Promise<User | undefined> {
    const query = this.#db.selectFrom('users').selectAll().where('id', '=', id)
    const row = await locked(this.#db, query).executeTakeFirst()
    return row && toUser(row)
  }

  async findByUsername(username: string): Promise<User | undefined> {
    const row = await this.#byUsername(username).executeTakeFirst()
    return row && toUser(row)
  }

  /** A user with the hash of their password, `null` where there is none. */
  async findWithPassword(username: string): Promise<{ user: User; passwordHash: string | null } | undefined> {
    const row = await this.#byUsername(username).executeTakeFirst()
    return row && { user: toUser(row), passwordHash: row.password_hash }
  }

  /** Tells whether there is such a user. */
  async update(id: string, changes: UserChanges, now: number): Promise<boolean> {
    const { username, displayName, entitlements } = changes
    return this.#set(id, {
      ...(username !== undefined && { username, username_key: usernameKey(username) }),
      ...(displayName !== undefined && { display_name: displayName }),
      ...(entitlements !== undefined && { entitlements: joinList(entitlements) }),
      updated_at: now,
    })
  }

  async setPasswordHash(id: string, passwordHash: string, now: number): Promise<boolean> {
    return this.#set(id, { password_hash: passwordHash, updated_at: now })
  }

  /** Puts a hash of another cost in the place of the one that was just checked, unless somebody changed it meanwhile. */
  async replacePasswordHash(id: string, { old, fresh }: { old: string; fresh: string }): Promise<void> {
    await this.#db
      .updateTable('users')
      .set({ password_hash: fresh })
      .where('id', '=', id)
      .where('password_hash', '=', old)
      .execute()
  }

  async setDisabled(id: string, disabledAt: number | null, now: number): Promise<boolean> {
    return this.#set(id, { disabled_at: disabledAt, updated_at: now })
  }

  /** Their tokens, codes, sessions and consents go with them. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
    return numDeletedRows > 0n
  }

  async #set(id: string, values: Partial<Selectable<Tables['users']>>): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('users')
      .set(values)
      .where('id', '=', id)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }

  #byUsername(username: string) {
    return this.#db.selectFrom('users').selectAll().where('username_key', '=', usernameKey(username))
  }
}

/** What two usernames are compared by: neither case nor the way in which a sign is composed counts. */
export function usernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase()
}

export function toUser(row: Selectable<Tables['users']>): User {
  return {
    id: row.id,
    username: row.username,
    displayName: row.display_name,
    entitlements: splitList(row.entitlements),
    hasPassword: row.password_hash !== null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    disabledAt: row.disabled_at,
  }
}
