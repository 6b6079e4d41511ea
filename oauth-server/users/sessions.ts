import { hashCredential, mintCredential, type RandomSource } from '../credentials.ts'
import { SessionRepository } from '../store/session-repository.ts'
import type { Database } from '../store/tables.ts'
import type { User } from '../store/user-repository.ts'

/** How long a session lasts, in milliseconds. */
export interface SessionLifetimes {
  /** Since it was last used. */
  readonly sessionIdleTimeoutMs: number
  /** Since it began, however much it is used. */
  readonly sessionLifetimeMs: number
}

/** Where sessions get their time and randomness. */
export interface SessionMeans {
  readonly now: () => number
  readonly random: RandomSource
  readonly lifetimes: SessionLifetimes
}

/** A use is written down once a minute at most: a session that is used must not write on every request. */
const noteUseEveryMs = 60_000

/** The browsers in which users have signed in. */
export class Sessions {
  readonly #sessions: SessionRepository
  readonly #means: SessionMeans

  constructor(db: Database, means: SessionMeans) {
    this.#sessions = new SessionRepository(db)
    this.#means = means
  }

  /**
   * What a browser holds before anybody signs in: forms are bound to it. It is worth nothing afterwards, since signing in
   * always begins with a new one (session fixation).
   */
  mint(): string {
    return mintCredential('pss', this.#means.random)
  }

  /** Begins a session and returns what the browser is to hold. */
  async begin(user: User): Promise<string> {
    const { now, lifetimes } = this.#means
    const token = this.mint()
    const startedAt = now()
    const expiresAt = startedAt + lifetimes.sessionLifetimeMs
    await this.#sessions.insert({ hash: hashCredential(token), userId: user.id, startedAt, expiresAt })
    return token
  }

  /** The user of a session that has not ended. */
  async findUser(token: string): Promise<User | undefined> {
    const now = this.#means.now()
    const hash = hashCredential(token)
    const idleSince = now - this.#means.lifetimes.sessionIdleTimeoutMs
    const session = await this.#sessions.find(hash, { now, idleSince })
    if (session === undefined) return undefined
    if (now - session.usedAt >= noteUseEveryMs) await this.#sessions.noteUse(hash, now)
    return session.user
  }

  async end(token: string): Promise<void> {
    await this.#sessions.delete(hashCredential(token))
  }
}
