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
  async attempt({ username, password, address }: SignInAttempt): Promise<User | undefined> {
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

  async #check(username: string, password: string): Promise<User | undefined> {
    const found = await this.#users.findWithPassword(username)
    const isRight = await this.#hasher.verify(password, found?.passwordHash ?? null)
    if (!isRight || found === undefined || found.user.disabledAt !== null) return undefined
    await this.#raiseCost(found.user, password, found.passwordHash)
    return found.user
  }

  #leave(network: string): void {
    const left = (this.#underWay.get(network) ?? 1) - 1
    if (left === 0) this.#underWay.delete(network)
    else this.#underWay.set(network, left)
  }

  async #raiseCost({ id }: User, password: string, old: string | null): Promise<void> {
    if (old === null || !this.#hasher.isOutdated(old)) return
    await this.#users.replacePasswordHash(id, { old, fresh: await this.#hasher.hash(password) })
  }
}
