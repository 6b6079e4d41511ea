import type { Quota } from '../../common/quota.ts'

/** Most addresses whose look-ups are remembered; beyond it the one whose last is longest ago is forgotten. */
const maxAddresses = 50_000

/** Share of the total that only tokens which were good before may use: garbage never starves them. */
const reserve = 0.2

/** Why the provider is not asked, and when it may be. */
export interface LookUpRefusal {
  readonly reason: 'address' | 'total'
  readonly retryAfterS: number
}

interface LookUpCapOptions {
  readonly perAddress: Quota
  readonly total: Quota
  /** What counts as one address; by default each is its own. */
  readonly networkOf?: (address: string) => string
}

/**
 * Bounds how often identity providers are asked: for unknown tokens by address, and for all tokens together. Both are
 * token buckets of the quota's size that fill at the quota's rate, kept as the one time at which they will be full again
 * (the generic cell rate algorithm).
 */
export class LookUpCaps {
  readonly #perAddress: Bucket
  readonly #total: Bucket
  readonly #totalForUnknown: Bucket
  readonly #networkOf: (address: string) => string
  readonly #fullAtMs = new Map<string, number>()
  #totalFullAtMs = 0

  constructor({ perAddress, total, networkOf = (address) => address }: LookUpCapOptions) {
    this.#perAddress = bucketOf(perAddress)
    this.#total = bucketOf(total)
    this.#totalForUnknown = bucketOf(total, 1 - reserve)
    this.#networkOf = networkOf
  }

  /** Why no unknown token of this address may be looked up now, if so; counts nothing. */
  refusalOf(address: string, nowMs: number): LookUpRefusal | undefined {
    const { waitMs } = this.#takeOwn(this.#networkOf(address), nowMs)
    return waitMs > 0 ? refusal('address', waitMs) : undefined
  }

  /** Counts a look-up of an unknown token; without an address only in total. Gives why it must not be made, if so. */
  takeUnknown(address: string | undefined, nowMs: number): LookUpRefusal | undefined {
    const network = address === undefined ? undefined : this.#networkOf(address)
    const own = network === undefined ? undefined : this.#takeOwn(network, nowMs)
    if (own !== undefined && own.waitMs > 0) return refusal('address', own.waitMs)
    const total = take(this.#totalForUnknown, this.#totalFullAtMs, nowMs)
    if (total.waitMs > 0) return refusal('total', total.waitMs)
    this.#totalFullAtMs = total.fullAtMs
    if (network !== undefined && own !== undefined) this.#remember(network, own.fullAtMs)
    return undefined
  }

  /** Counts a look-up of a token that was good before. */
  takeKnown(nowMs: number): LookUpRefusal | undefined {
    const total = take(this.#total, this.#totalFullAtMs, nowMs)
    if (total.waitMs > 0) return refusal('total', total.waitMs)
    this.#totalFullAtMs = total.fullAtMs
    return undefined
  }

  /** What taking one more of the network's own would come to. */
  #takeOwn(network: string, nowMs: number): { fullAtMs: number; waitMs: number } {
    return take(this.#perAddress, this.#fullAtMs.get(network) ?? 0, nowMs)
  }

  #remember(network: string, fullAtMs: number): void {
    this.#fullAtMs.delete(network)
    this.#fullAtMs.set(network, fullAtMs)
    if (this.#fullAtMs.size <= maxAddresses) return
    for (const oldest of this.#fullAtMs.keys()) {
      this.#fullAtMs.delete(oldest)
      return
    }
  }
}

interface Bucket {
  readonly sizeMs: number
  readonly intervalMs: number
  /** How much of it may be taken. */
  readonly roomMs: number
}

function bucketOf({ limit, windowMs }: Quota, share = 1): Bucket {
  const intervalMs = windowMs / limit
  // A thousandth of a millisecond is the error of adding intervals that are no whole numbers.
  return { sizeMs: windowMs, intervalMs, roomMs: Math.max(windowMs * share, intervalMs) + 0.001 }
}

/** When the bucket is full again after one more is taken, and how long to wait until one can be. */
function take(bucket: Bucket, fullAtMs: number, nowMs: number): { fullAtMs: number; waitMs: number } {
  // After a step of the clock backwards a bucket is empty at most, never for longer than it takes to fill.
  const nextMs = Math.min(Math.max(fullAtMs, nowMs), nowMs + bucket.sizeMs) + bucket.intervalMs
  return { fullAtMs: nextMs, waitMs: Math.max(0, nextMs - nowMs - bucket.roomMs) }
}

function refusal(reason: LookUpRefusal['reason'], waitMs: number): LookUpRefusal {
  return { reason, retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)) }
}
