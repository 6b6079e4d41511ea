import { countedNetwork } from '../../common/client-address.ts'
import type { Database } from '../store/tables.ts'
import { type User, UserRepository } from '../store/user-repository.ts'
import { HasherOverloaded, type PasswordHasher } from './password-hasher.ts'

/** Passwords of one network that are hashed or wait for it: the others' must not wait behind them. */
const mostUnderWay = 5

/** Who wants to be let in, and from where. */
export interface SignInAttempt {
  readonly username: string
  readonly password: string
  /** A canonical IP address. */
  readonly address: string
}

/** A user who was let in, and the hash that was right. */
export interface LetIn {
  readonly user: User
  readonly passwordHash: string | null
}

/** What signing in takes. */
export interface SignInMeans {
  readonly db: Database
  readonly hasher: PasswordHasher
}

/** Tells whether somebody is the user that they say they are. */
export class SignIn {
  readonly #users: UserRepository
  readonly #hasher: PasswordHasher
  readonly #underWay = new Map<string, number>()

  constructor({ db, hasher }: SignInMeans) {
    this.#users = new UserRepository(db)
    this.#hasher = hasher
  }

  /**
   * The user with this password; `undefined` for an unknown username, a wrong password, a user without one and a disabled
   * user, which cost the same query and the same hash. Throws `HasherOverloaded`.
   */
  async attempt({ username, password, address }: SignInAttempt): Promise<LetIn | undefined> {
    const network = countedNetwork(address)
    const underWay = this.#underWay.get(network) ?? 0
    if (underWay >= mostUnderWay) throw new HasherOverloaded()
    this.#underWay.set(network, underWay + 1)
    try {
      return await this.#check(username, password)
    } finally {
      this.#leave(network)
    }
  }

  /**
   * Whether somebody who was just let in would be again. Asked when their session is stored: hashing takes long, and who
   * disabled the user or replaced the password meanwhile has ended the sessions that there were then.
   */
  async isStill({ user, passwordHash }: LetIn, { username, password }: SignInAttempt): Promise<boolean> {
    const found = await this.#users.findWithPassword(username)
    if (found === undefined || found.user.id !== user.id || found.user.disabledAt !== null) return false
    return found.passwordHash === passwordHash || this.#hasher.verify(password, found.passwordHash)
  }

  async #check(username: string, password: string): Promise<LetIn | undefined> {
    const found = await this.#users.findWithPassword(username)
    const isRight = await this.#hasher.verify(password, found?.passwordHash ?? null)
    if (!isRight || found === undefined || found.user.disabledAt !== null) return undefined
    return { user: found.user, passwordHash: await this.#raiseCost(found.user, password, found.passwordHash) }
  }

  #leave(network: string): void {
    const left = (this.#underWay.get(network) ?? 1) - 1
    if (left === 0) this.#underWay.delete(network)
    else this.#underWay.set(network, left)
  }

  async #raiseCost({ id }: User, password: string, old: string | null): Promise<string | null> {
    if (old === null || !this.#hasher.isOutdated(old)) return old
    const fresh = await this.#hasher.hash(password)
    await this.#users.replacePasswordHash(id, { old, fresh })
    return fresh
  }
}
