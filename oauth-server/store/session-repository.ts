import type { Database } from './tables.ts'
import { toUser, type User } from './user-repository.ts'

/** A user's browser that has signed in. Times are milliseconds since the epoch. */
export interface NewSession {
  readonly hash: string
  readonly userId: string
  readonly startedAt: number
  /** When it ends however much it is used. */
  readonly expiresAt: number
}

/** A session that has not ended, and its user, who is not disabled. */
export interface StoredSession {
  readonly user: User
  readonly usedAt: number
}

/** The table of sessions, by the hashes of what browsers hold. */
export class SessionRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async insert({ hash, userId, startedAt, expiresAt }: NewSession): Promise<void> {
    await this.#db
      .insertInto('sessions')
      .values({ hash, user_id: userId, started_at: startedAt, used_at: startedAt, expires_at: expiresAt })
      .execute()
  }

  /** A session that has not expired, and that was used after `idleSince`. */
  async find(hash: string, { now, idleSince }: { now: number; idleSince: number }) {
    const row = await this.#db
      .selectFrom('sessions as session')
      .innerJoin('users as user', 'user.id', 'session.user_id')
      .selectAll('user')
      .select('session.used_at')
      .where('session.hash', '=', hash)
      .where('session.expires_at', '>', now)
      .where('session.used_at', '>', idleSince)
      .where('user.disabled_at', 'is', null)
      .executeTakeFirst()
    return row && ({ user: toUser(row), usedAt: row.used_at } satisfies StoredSession)
  }

  async noteUse(hash: string, now: number): Promise<void> {
    await this.#db.updateTable('sessions').set({ used_at: now }).where('hash', '=', hash).execute()
  }

  async delete(hash: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('hash', '=', hash).execute()
  }

  async deleteOfUsers(userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return
    await this.#db.deleteFrom('sessions').where('user_id', 'in', userIds).execute()
  }
}
