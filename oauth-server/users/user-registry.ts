import { randomUUID } from 'node:crypto'
import { VersionMismatch } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Page, PageRequest } from '../store/bounded-scan.ts'
import { type Change, type ChangeListener, Changes } from '../store/changes.ts'
import { memberChanges } from '../store/member-changes.ts'
import { SessionRepository } from '../store/session-repository.ts'
import { type Database, sortedOnce } from '../store/tables.ts'
import { isUniqueViolation } from '../store/unique-violation.ts'
import { type User, type UserChanges, UserRepository } from '../store/user-repository.ts'
import { findUsers, type UserFilter } from '../store/user-search.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { checkPassword, checkUser, UserRuleBroken } from './user-rules.ts'

/** What is asked of a new user. */
export interface NewUser {
  readonly username: string
  /** The username where it is left out. */
  readonly displayName?: string
  readonly entitlements?: readonly string[]
  /** Without one nobody can sign in as this user here. */
  readonly password?: string
}

/** What is to be different about a user. */
export type UserChange = UserChanges & {
  /** Whether the user is still the one that the caller has read. */
  readonly isExpected?: ((user: User) => boolean) | undefined
}

/** No user has this id or username. */
export class UserNotFound extends Error {
  constructor(name: string) {
    super(`there is no user ${JSON.stringify(name.slice(0, 120))}`)
    this.name = 'UserNotFound'
  }
}

/** Where the registry gets its time and its hashes. */
export interface UserRegistryMeans {
  readonly now: () => number
  readonly hasher: PasswordHasher
  readonly listener?: ChangeListener | undefined
}

/** The users who may sign in: made here, changed, found. Each change is one transaction with its audit entry. */
export class UserRegistry {
  readonly #db: Database
  readonly #users: UserRepository
  readonly #changes: Changes
  readonly #hasher: PasswordHasher

  constructor(db: Database, { now, hasher, listener }: UserRegistryMeans) {
    this.#db = db
    this.#users = new UserRepository(db)
    this.#changes = new Changes(db, now, listener)
    this.#hasher = hasher
  }

  /** Throws {@link UserRuleBroken}, also for a username that is taken, and `HasherOverloaded`. */
  async create(wanted: NewUser, actor: Actor): Promise<User> {
    if (wanted.password !== undefined) checkPassword(wanted.password)
    const draft = toUser(wanted)
    checkUser(draft)
    // Before the transaction: it takes long, and the database's write lock is everybody's.
    const passwordHash = wanted.password === undefined ? null : await this.#hasher.hash(wanted.password)
    return this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      await checkUsername(users, draft)
      const user = { ...draft, createdAt: change.now, updatedAt: change.now }
      await orTaken(user, users.insert(user, passwordHash))
      await audit(change, 'user.created', user)
      return user
    })
  }

  /** Throws {@link UserNotFound}, {@link UserRuleBroken} and {@link VersionMismatch}. */
  change(id: string, { isExpected, ...changes }: UserChange, actor: Actor): Promise<User> {
    return this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      const old = await findLocked(users, id)
      if (isExpected?.(old) === false) throw new VersionMismatch()
      const wanted = changes.entitlements && { entitlements: sortedOnce(changes.entitlements) }
      const user: User = { ...old, ...changes, ...wanted, updatedAt: change.now }
      checkUser(user)
      await checkUsername(users, user)
      const changed = memberChanges(old, user, ['updatedAt'])
      if (Object.keys(changed).length === 0) return old
      await orTaken(user, users.update(id, user, change.now))
      change.affects({ kind: 'user', id }, 'refresh')
      await change.audit({ action: 'user.changed', target: `user:${id}`, detail: { changes: changed } })
      return user
    })
  }

  /** Ends the user's sessions, and what clients hold for them stops to work. Throws {@link UserNotFound}. */
  disable(id: string, actor: Actor): Promise<User> {
    return this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      const user = await findLocked(users, id)
      if (user.disabledAt !== null) return user
      await users.setDisabled(id, change.now, change.now)
      await new SessionRepository(change.db).deleteOfUsers([id])
      change.affects({ kind: 'user', id }, 'revoke')
      await audit(change, 'user.disabled', user)
      return find(users, id)
    })
  }

  /** Lets the user in again; tokens that have not expired meanwhile work again too. Throws {@link UserNotFound}. */
  enable(id: string, actor: Actor): Promise<User> {
    return this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      const user = await findLocked(users, id)
      if (user.disabledAt === null) return user
      await users.setDisabled(id, null, change.now)
      change.affects({ kind: 'user', id }, 'refresh')
      await audit(change, 'user.enabled', user)
      return find(users, id)
    })
  }

  /** Removes the user, and with them their tokens, codes, sessions and consents. Throws {@link UserNotFound}. */
  delete(id: string, actor: Actor): Promise<void> {
    return this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      const user = await findLocked(users, id)
      await users.delete(id)
      change.affects({ kind: 'user', id }, 'revoke')
      await audit(change, 'user.deleted', user)
    })
  }

  /**
   * Replaces the password and ends the user's sessions: whoever knew the old one is out. Throws {@link UserNotFound},
   * {@link UserRuleBroken} and `HasherOverloaded`.
   */
  async setPassword(id: string, password: string, actor: Actor): Promise<void> {
    checkPassword(password)
    const passwordHash = await this.#hasher.hash(password)
    await this.#changes.make(actor, async (change) => {
      const users = new UserRepository(change.db)
      const user = await findLocked(users, id)
      await users.setPasswordHash(id, passwordHash, change.now)
      await new SessionRepository(change.db).deleteOfUsers([id])
      await audit(change, 'user.password_set', user)
    })
  }

  /** One user, by id. Throws {@link UserNotFound}. */
  show(id: string): Promise<User> {
    return find(this.#users, id)
  }

  /** One user, by username in whatever case. Throws {@link UserNotFound}. */
  async showByUsername(username: string): Promise<User> {
    const user = await this.#users.findByUsername(username)
    if (user === undefined) throw new UserNotFound(username)
    return user
  }

  /**
   * One user, by id or by username. An id goes first: it never changes, and a username can be chosen to look like
   * somebody's. Throws {@link UserNotFound}.
   */
  async showNamed(name: string): Promise<User> {
    return (await this.#users.find(name)) ?? this.showByUsername(name)
  }

  /** The users that a filter lets through, a page at a time. */
  page(filter: UserFilter, request: PageRequest): Promise<Page<User>> {
    return findUsers(this.#db, filter, request)
  }
}

function toUser({ username, displayName, entitlements, password }: NewUser): User {
  return {
    id: randomUUID(),
    username,
    displayName: displayName ?? username,
    entitlements: sortedOnce(entitlements ?? []),
    hasPassword: password !== undefined,
    createdAt: 0,
    updatedAt: 0,
    disabledAt: null,
  }
}

async function checkUsername(users: UserRepository, { id, username }: User): Promise<void> {
  const other = await users.findByUsername(username)
  if (other !== undefined && other.id !== id) throw taken(username)
}

/** In a race for a username, which {@link checkUsername} cannot see, the database's own rule decides. */
async function orTaken({ username }: User, writing: Promise<unknown>): Promise<void> {
  try {
    await writing
  } catch (error) {
    throw isUniqueViolation(error) ? taken(username) : error
  }
}

function taken(username: string): UserRuleBroken {
  return new UserRuleBroken('username', `the username ${JSON.stringify(username)} is taken`)
}

async function find(users: UserRepository, id: string): Promise<User> {
  const user = await users.find(id)
  if (user === undefined) throw new UserNotFound(id)
  return user
}

/** One change after the other: of two that read the same user the second sees what the first has made. */
async function findLocked(users: UserRepository, id: string): Promise<User> {
  const user = await users.findLocked(id)
  if (user === undefined) throw new UserNotFound(id)
  return user
}

function audit(change: Change, action: string, { id, username }: User): Promise<void> {
  return change.audit({ action, target: `user:${id}`, detail: { username } })
}
