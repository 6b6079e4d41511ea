import { forgetOldest } from '../../common/forget-oldest.ts'
import type { Quota } from '../../common/quota.ts'
import { RateBucket } from './rate-bucket.ts'

/** Most addresses that are remembered; beyond it the one whose last is longest ago is forgotten. */
const maxAddresses = 50_000

interface AddressBucketsOptions {
  readonly perAddress: Quota
  /** What counts as one address; by default each is its own. */
  readonly networkOf?: (address: string) => string
}

/** A bucket for each address. */
export class AddressBuckets {
  readonly #bucket: RateBucket
  readonly #windowMs: number
  readonly #networkOf: (address: string) => string
  readonly #fullAtMs = new Map<string, number>()

  constructor({ perAddress, networkOf = (address) => address }: AddressBucketsOptions) {
    this.#bucket = new RateBucket(perAddress)
    this.#windowMs = perAddress.windowMs
    this.#networkOf = networkOf
  }

  /** Takes one. Gives how long to wait, in milliseconds, where there is none: then nothing was counted. */
  take(address: string, nowMs: number): number {
    const network = this.#networkOf(address)
    // After a step of the clock backwards a bucket is empty at most, never for longer than it takes to fill.
    const fullAtMs = Math.min(this.#fullAtMs.get(network) ?? 0, nowMs + this.#windowMs)
    const waitMs = this.#bucket.waitMs(fullAtMs, nowMs)
    if (waitMs > 0) return waitMs
    this.#fullAtMs.delete(network)
    this.#fullAtMs.set(network, this.#bucket.charge(fullAtMs, nowMs))
    forgetOldest(this.#fullAtMs, maxAddresses)
    return 0
  }
}
