import { AttemptLimit } from '../common/attempt-limit.ts'
import { countedNetwork } from '../common/client-address.ts'
import { forgetOldest } from '../common/forget-oldest.ts'
import { RequestRefused, refusals } from './errors.ts'

/** How many failed authentications are let happen in a window, by what they are counted. */
export interface FailureLimits {
  readonly windowMs: number
  /** Of one client, or user, from one address. */
  readonly perClientAndAddress: number
  readonly perAddress: number
  /** Of one client, or user, from all addresses. */
  readonly perClient: number
}

/** Which of the limits is reached. */
export type FailureLimit = 'client_and_address' | 'address' | 'client'

/** Who tries to authenticate. */
export interface Claimant {
  /**
   * Whom it claims to be, such as `client:` and an id, whether that exists or not; of bounded length. `undefined` where it
   * says nothing that could be one.
   */
  readonly subject: string | undefined
  /** A canonical IP address. */
  readonly address: string
}

/** Who hears of failures. */
export interface FailureListener {
  authenticationFailed(): void
  /** One was refused unheard. */
  authenticationRefused(limit: FailureLimit): void
}

/** Too many have failed before: this one was not heard. */
export class AuthenticationLimited extends RequestRefused {
  /** Seconds until it may be tried again. */
  readonly waitS: number

  constructor(waitS: number) {
    super({ ...refusals.tooManyFailures, headers: { 'retry-after': String(waitS) } })
    this.name = 'AuthenticationLimited'
    this.waitS = waitS
  }
}

/** What limiting works with. */
export interface FailureServices {
  readonly limits: FailureLimits
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly listener: FailureListener
}

/** Most clients, addresses and pairs of them that are remembered, each. */
const maxKeys = 10_000

/** How long an address that authenticated well as a client is known for it. */
const knownForMs = 24 * 3_600_000

/**
 * Bounds how often secrets can be guessed (RFC 6749 §2.3.1). Failures are counted by client and address, by address, and
 * by client; successes never. An address that has lately authenticated as a client is held to its own failures as that
 * client alone, so that nobody locks a client out from elsewhere. All of it is in this process's memory.
 */
export class FailedAuthentications {
  readonly #services: FailureServices
  readonly #byPair: AttemptLimit
  readonly #byAddress: AttemptLimit
  readonly #bySubject: AttemptLimit
  /** When a subject last authenticated well from an address, the oldest first. */
  readonly #known = new Map<string, number>()

  constructor(services: FailureServices) {
    const { limits, now } = services
    const limitOf = (max: number) => new AttemptLimit({ max, windowMs: limits.windowMs, maxKeys, now })
    this.#services = services
    this.#byPair = limitOf(limits.perClientAndAddress)
    this.#byAddress = limitOf(limits.perAddress)
    this.#bySubject = limitOf(limits.perClient)
  }

  /** How many things are remembered; never more than 70,000. */
  get size(): number {
    return this.#byPair.size + this.#byAddress.size + this.#bySubject.size + this.#known.size
  }

  /**
   * Runs an authentication, which gives `undefined` when it fails, and counts it if it does. Throws
   * {@link AuthenticationLimited} without running it when a limit is reached; and after it when others, sent at the same time, have reached the
   * limit meanwhile: then not even a right secret is told apart from a wrong one.
   */
  async guard<T>(claimant: Claimant, authenticate: () => Promise<T | undefined>): Promise<T | undefined> {
    const keys = keysOf(claimant)
    this.#refuseOverLimit(keys)
    const result = await authenticate()
    this.#refuseOverLimit(keys)
    if (result === undefined) this.#count(keys)
    else this.#remember(keys)
    return result
  }

  #refuseOverLimit(keys: Keys): void {
    const reached = this.#reachedLimit(keys)
    if (reached === undefined) return
    this.#services.listener.authenticationRefused(reached.limit)
    throw new AuthenticationLimited(reached.waitS)
  }

  #reachedLimit({ network, named }: Keys): { limit: FailureLimit; waitS: number } | undefined {
    const ofPair = named && this.#byPair.wait(named.pair)
    if (ofPair !== undefined) return { limit: 'client_and_address', waitS: ofPair }
    if (named !== undefined && this.#isKnown(named.pair)) return undefined
    const ofAddress = this.#byAddress.wait(network)
    if (ofAddress !== undefined) return { limit: 'address', waitS: ofAddress }
    const ofSubject = named && this.#bySubject.wait(named.subject)
    return ofSubject === undefined ? undefined : { limit: 'client', waitS: ofSubject }
  }

  #count({ network, named }: Keys): void {
    this.#services.listener.authenticationFailed()
    this.#byAddress.add(network)
    if (named === undefined) return
    this.#byPair.add(named.pair)
    this.#bySubject.add(named.subject)
  }

  #remember({ named }: Keys): void {
    if (named === undefined) return
    const { pair } = named
    this.#known.delete(pair)
    this.#known.set(pair, this.#services.now())
    forgetOldest(this.#known, maxKeys, maxKeys / 10)
  }

  #isKnown(pair: string): boolean {
    const at = this.#known.get(pair)
    return at !== undefined && this.#services.now() - at < knownForMs
  }
}

/** By what a claimant is counted. */
interface Keys {
  readonly network: string
  readonly named: { readonly subject: string; readonly pair: string } | undefined
}

/** No network has a space in it, so that no two pairs are one. */
function keysOf({ subject, address }: Claimant): Keys {
  const network = countedNetwork(address)
  return { network, named: subject === undefined ? undefined : { subject, pair: `${network} ${subject}` } }
}
