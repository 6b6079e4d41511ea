import type { Clock } from '../clock.ts'
import {
  askProvider,
  IdentityProviderFailure,
  type ProviderConnection,
  parseAnswer,
} from './identity-provider.ts'
import { findKeySetUrl } from './issuer-metadata.ts'
import { readKeySet, type VerificationKey } from './key-set-document.ts'

/** Where the keys of an issuer are found, which are accepted, and for how long. */
export interface KeySetSettings {
  readonly issuer: string
  /** URL of the key set; `undefined` to find it by the issuer's metadata. */
  readonly jwks: string | undefined
  readonly algorithms: readonly string[]
  readonly keysMaxAgeMs: number
  readonly keysMaxStaleMs: number
}

/** Hears how fetching went; supplied by whoever counts it. */
export interface KeySetListener {
  keysFetched(count: number): void
  /** Why there is no new key set; the reason holds nothing of the issuer's answer. */
  keysFailed(error: unknown): void
}

/** The keys of an issuer, as they were published at one moment. */
export interface PublishedKeys {
  readonly keys: readonly VerificationKey[]
  /** When they were asked for: they are at least as new as that. */
  readonly askedAtMs: number
}

/** With keys in hand the issuer is asked once in this time at most, whatever tokens come. */
const cooldownMs = 10_000

/** Without any keys in hand it is asked more often: until then every token is answered with 503. */
const retryMs = 1_000

/** Room for 50 keys with certificate chains, and little enough to hold. */
const maxKeySetKiB = 256

/**
 * The public keys of one issuer. They are fetched when first needed, and again in the background when they are old; at
 * most one fetch is under way. What cannot be fetched or is refused never takes the place of the last good keys, which go
 * on for a stated time.
 */
export class KeySet {
  readonly #settings: KeySetSettings
  readonly #connection: ProviderConnection
  readonly #clock: Clock
  readonly #listener: KeySetListener
  #latest: PublishedKeys | undefined
  #attemptedAtMs = Number.NEGATIVE_INFINITY
  #underWay: Promise<void> | undefined

  constructor(
    settings: KeySetSettings,
    context: { connection: ProviderConnection; clock: Clock; listener: KeySetListener },
  ) {
    this.#settings = settings
    this.#connection = context.connection
    this.#clock = context.clock
    this.#listener = context.listener
  }

  /** Fetches the keys before the first token needs them. A failure reaches the listener only. */
  prefetch(): void {
    void this.#refresh()
  }

  /**
   * The keys in hand: at once while they are usable, else a promise. Past their age they are fetched in the background;
   * past twice their age, which comes of a quiet time only, they are fetched first, so that a key that was withdrawn
   * meanwhile lets nobody in. Throws or rejects with {@link IdentityProviderFailure} when no keys can be had that are
   * younger than the stale bound.
   */
  current(): PublishedKeys | Promise<PublishedKeys> {
    const { keysMaxAgeMs } = this.#settings
    const latest = this.#usable()
    if (latest === undefined) return this.#fetchNow(retryMs)
    if (this.#isWithin(keysMaxAgeMs, latest.askedAtMs)) return latest
    if (!this.#isWithin(2 * keysMaxAgeMs, latest.askedAtMs)) return this.#fetchNow(cooldownMs)
    if (!this.#isWithin(cooldownMs, this.#attemptedAtMs)) this.prefetch()
    return latest
  }

  /**
   * Keys that are newer than these, for a token that none of them verifies; `undefined` when these are as new as can be
   * asked for, so that the token is definitely not good. Rejects with {@link IdentityProviderFailure} when the issuer
   * may have newer ones and does not say.
   */
  async newerThan(known: PublishedKeys): Promise<PublishedKeys | undefined> {
    if (this.#latest === known && this.#isWithin(cooldownMs, known.askedAtMs)) return undefined
    if (this.#latest === known) await this.#refreshUnlessWithin(cooldownMs)
    if (this.#latest === known || this.#latest === undefined)
      throw new IdentityProviderFailure('the token’s key is not known, and no new key set can be had')
    return this.#latest
  }

  async #fetchNow(pauseMs: number): Promise<PublishedKeys> {
    await this.#refreshUnlessWithin(pauseMs)
    const latest = this.#usable()
    if (latest === undefined) throw new IdentityProviderFailure('no key set of the issuer can be had')
    return latest
  }

  /** Waits for the fetch that is under way, or for a new one if the last is not too recent. */
  async #refreshUnlessWithin(pauseMs: number): Promise<void> {
    if (this.#underWay !== undefined || !this.#isWithin(pauseMs, this.#attemptedAtMs)) await this.#refresh()
  }

  #usable(): PublishedKeys | undefined {
    const { keysMaxStaleMs } = this.#settings
    return this.#latest !== undefined && this.#clock() - this.#latest.askedAtMs < keysMaxStaleMs
      ? this.#latest
      : undefined
  }

  /** A clock that was set back makes an attempt due: it must not hold the next one off for as long. */
  #isWithin(spanMs: number, sinceMs: number): boolean {
    const elapsedMs = this.#clock() - sinceMs
    return elapsedMs >= 0 && elapsedMs < spanMs
  }

  /** Settles when the one fetch under way has ended, and never rejects. */
  #refresh(): Promise<void> {
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #fetch(): Promise<void> {
    const askedAtMs = this.#clock()
    this.#attemptedAtMs = askedAtMs
    try {
      const keys = await this.#load()
      this.#latest = { keys, askedAtMs }
      this.#listener.keysFetched(keys.length)
    } catch (error) {
      this.#listener.keysFailed(error)
    }
  }

  /** Discovery and key set share one timeout: a client may be waiting. */
  async #load(): Promise<readonly VerificationKey[]> {
    const deadline = AbortSignal.timeout(this.#connection.timeoutMs)
    const fetchDocument = async (url: string): Promise<unknown> => {
      const asked = { method: 'GET', url, headers: {}, maxAnswerKiB: maxKeySetKiB, deadline } as const
      const answer = await askProvider(this.#connection, asked)
      if (answer.status !== 200) throw new IdentityProviderFailure(`the issuer answered ${answer.status}`)
      return parseAnswer(answer)
    }
    const { issuer, jwks, algorithms } = this.#settings
    const url = jwks ?? (await findKeySetUrl(issuer, fetchDocument))
    return readKeySet(await fetchDocument(url), algorithms)
  }
}
