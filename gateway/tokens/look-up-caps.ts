import type { Quota } from '../../common/quota.ts'
import { RateBucket } from './rate-bucket.ts'

/** Most addresses whose look-ups are remembered; beyond it the one whose last is longest ago is forgotten. */
const maxAddresses = 50_000

/** Share of the total that only tokens which were good before may use: garbage never starves them. */
const reserve = 0.2

/** Most look-ups under way at once: of known tokens, of unknown ones, and of these at the provider. */
const maxUnderWay = { known: 256, unknown: 512, asking: 256 } as const

/** How many look-ups one of a token that is not valid counts as; fewer where the quota is so small that few could be made. */
const invalidCost = { most: 10, leastTokens: 30 } as const

/** Why nobody is asked, and when to come again. */
export interface LookUpRefusal {
  readonly reason: 'address' | 'total'
  readonly retryAfterS: number
}

/** One look-up under way. */
export interface LookUpPass {
  /** Counts that the provider is asked, once, however often it is. Gives why it must not be, if so. */
  ask(nowMs: number): LookUpRefusal | undefined
  /** What came of asking: until then it counts as one that gave no answer. */
  answered(isValid: boolean): void
  /** To be called once, whatever came of it. */
  end(nowMs: number): void
}

/** Whose token is to be looked up. */
export interface LookUpOrigin {
  /** From where an unknown token came; `undefined` for one that was good before, or was just issued. */
  readonly address: string | undefined
  /** Whether the store may know the token, and can be asked. */
  readonly isStoreUp: boolean
}

interface LookUpCapOptions {
  readonly perAddress: Quota
  readonly total: Quota
  /** What counts as one address; by default each is its own. */
  readonly networkOf?: (address: string) => string
}

/** What is remembered of one address. */
interface Standing {
  underWay: number
  asking: number
  /** When it has its whole share again of what may be asked, and of what is read beyond that. */
  fullAtMs: number
  readsFullAtMs: number
}

/**
 * Bounds how often an identity provider is asked: for unknown tokens by address, and for all tokens together; and how many
 * look-ups are under way. Of its own share an address is charged nothing for a token that turns out valid, one for a look-up
 * without an answer, and several for a token that is not valid. What is under way counts as one until it is known.
 */
export class LookUpCaps {
  readonly #networkOf: (address: string) => string
  readonly #perAddress: RateBucket
  readonly #total: RateBucket
  readonly #totalForUnknown: RateBucket
  readonly #invalidCost: number
  readonly #standings = new Map<string, Standing>()
  readonly #underWay = { known: 0, unknown: 0, asking: 0 }
  #totalFullAtMs = 0
  #latestMs = 0
  #lostMs = 0

  constructor({ perAddress, total, networkOf = (address) => address }: LookUpCapOptions) {
    this.#networkOf = networkOf
    this.#perAddress = new RateBucket(perAddress)
    this.#total = new RateBucket(total)
    this.#totalForUnknown = new RateBucket(total, 1 - reserve)
    this.#invalidCost = Math.min(invalidCost.most, Math.max(1, perAddress.limit / invalidCost.leastTokens))
  }

  /** How many addresses are remembered. */
  get addresses(): number {
    return this.#standings.size
  }

  /** Begins a look-up; gives why it must not be, if so. An address beyond its share has the store asked as often again. */
  begin({ address, isStoreUp }: LookUpOrigin, clockMs: number): LookUpPass | LookUpRefusal {
    if (address === undefined) return this.#beginKnown()
    const nowMs = this.#elapse(clockMs)
    const network = this.#networkOf(address)
    const standing = this.#standings.get(network) ?? newStanding()
    const refused = this.#refusalOf(standing, nowMs)
    if (refused !== undefined) {
      if (!isStoreUp || this.#perAddress.waitMs(standing.readsFullAtMs, nowMs) > 0) return refused
      standing.readsFullAtMs = this.#perAddress.charge(standing.readsFullAtMs, nowMs)
    }
    if (this.#underWay.unknown >= maxUnderWay.unknown) return refusal('total')
    if (standing.underWay >= maxUnderWay.unknown - this.#underWay.unknown) return refusal('address')
    this.#remember(network, standing)
    return this.#beginUnknown(standing)
  }

  #beginKnown(): LookUpPass | LookUpRefusal {
    if (this.#underWay.known >= maxUnderWay.known) return refusal('total')
    this.#underWay.known += 1
    let isCounted = false
    return {
      ask: (clockMs) => {
        if (isCounted) return undefined
        const refused = this.#takeTotal(this.#total, this.#elapse(clockMs))
        isCounted = refused === undefined
        return refused
      },
      answered: () => undefined,
      end: () => {
        this.#underWay.known -= 1
      },
    }
  }

  #beginUnknown(standing: Standing): LookUpPass {
    this.#underWay.unknown += 1
    standing.underWay += 1
    let isAsking = false
    let cost = 1
    return {
      ask: (clockMs) => {
        if (isAsking) return undefined
        const refused = this.#takeUnknown(standing, this.#elapse(clockMs))
        isAsking = refused === undefined
        return refused
      },
      answered: (isValid) => {
        cost = isValid ? 0 : this.#invalidCost
      },
      end: (clockMs) => {
        this.#underWay.unknown -= 1
        standing.underWay -= 1
        if (!isAsking) return
        this.#underWay.asking -= 1
        standing.asking -= 1
        if (cost === 0) return
        standing.fullAtMs = this.#perAddress.charge(standing.fullAtMs, this.#elapse(clockMs), cost)
      },
    }
  }

  #takeUnknown(standing: Standing, nowMs: number): LookUpRefusal | undefined {
    const refused = this.#refusalOf(standing, nowMs) ?? this.#takeTotal(this.#totalForUnknown, nowMs)
    if (refused !== undefined) return refused
    this.#underWay.asking += 1
    standing.asking += 1
    return undefined
  }

  /** Why the provider must not be asked for a token of this address, whatever else is asked in total. */
  #refusalOf({ fullAtMs, asking }: Standing, nowMs: number): LookUpRefusal | undefined {
    const waitMs = this.#perAddress.waitMs(fullAtMs, nowMs, asking)
    if (waitMs > 0) return refusal('address', waitMs)
    const free = maxUnderWay.asking - this.#underWay.asking
    if (free <= 0) return refusal('total')
    // One address never has more than is left for the others.
    return asking >= free ? refusal('address') : undefined
  }

  #takeTotal(bucket: RateBucket, nowMs: number): LookUpRefusal | undefined {
    const waitMs = bucket.waitMs(this.#totalFullAtMs, nowMs)
    if (waitMs > 0) return refusal('total', waitMs)
    this.#totalFullAtMs = bucket.charge(this.#totalFullAtMs, nowMs)
    return undefined
  }

  /** The time that passed: while a clock that was set back says less than before, none does. */
  #elapse(clockMs: number): number {
    if (clockMs < this.#latestMs) this.#lostMs += this.#latestMs - clockMs
    this.#latestMs = clockMs
    return clockMs + this.#lostMs
  }

  #remember(network: string, standing: Standing): void {
    this.#standings.delete(network)
    this.#standings.set(network, standing)
    if (this.#standings.size <= maxAddresses) return
    for (const [oldest, { underWay }] of this.#standings) {
      // Who has look-ups under way would else have all slots anew.
      if (underWay > 0) continue
      this.#standings.delete(oldest)
      return
    }
  }
}

function newStanding(): Standing {
  return { underWay: 0, asking: 0, fullAtMs: 0, readsFullAtMs: 0 }
}

function refusal(reason: LookUpRefusal['reason'], waitMs = 0): LookUpRefusal {
  return { reason, retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)) }
}
