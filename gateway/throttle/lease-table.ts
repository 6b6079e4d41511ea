import { hash } from 'node:crypto'
import type { Charge } from '../charge.ts'
import { GatewayError } from '../errors.ts'
import type { LimitPolicy } from '../limit-policy.ts'
import type { Lease, Moment } from './lease.ts'
import { RateLease } from './rate-lease.ts'
import { WindowLease } from './window-lease.ts'

/** How many leases are looked at for one to forget, and in one sweep: the work at a time stays bounded. */
const lookedAtOnce = 64
const sweptAtOnce = 5_000

/** How long the store keeps a window after its end: only after that has it forgotten what this process held of it. */
const keptAfterEndMs = 60_000

/** Every lease that this process knows of, up to a bound. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>()
  /** Once more by their buckets: of 256 that are looked at after a failover, each is to cost no look at all the others. */
  readonly #byBucket = new Map<string, Set<Lease>>()
  #ofCharge = new WeakMap<Charge, readonly Lease[]>()
  readonly #bucketOf: (owner: string) => string
  readonly #maxLeases: number
  #forgottenUntilMs = 0
  #sweeping: Iterator<Lease> | undefined

  constructor(bucketOf: (owner: string) => string, maxLeases: number) {
    this.#bucketOf = bucketOf
    this.#maxLeases = maxLeases
  }

  get size(): number {
    return this.#leases.size
  }

  /** The leases of a charge's policies, in their order. */
  of(charge: Charge, now: Moment): readonly Lease[] {
    const known = this.#ofCharge.get(charge)
    if (known !== undefined) return known
    const leases = charge.policies.map((policy) => this.lease(policy, now))
    this.#ofCharge.set(charge, leases)
    return leases
  }

  lease(policy: LimitPolicy, now: Moment): Lease {
    const id = idOf(policy)
    const known = this.#leases.get(id)
    if (known !== undefined) return known
    if (this.#leases.size >= this.#maxLeases) this.#makeRoom(now)
    const place = { id, bucket: this.#bucketOf(policy.owner) }
    const lease =
      policy.rule.algorithm === 'gcra'
        ? new RateLease(place, policy)
        : new WindowLease(place, policy, now.monotonicMs < this.#forgottenUntilMs)
    this.#leases.set(id, lease)
    this.#setOf(place.bucket).add(lease)
    return lease
  }

  find(policy: LimitPolicy): Lease | undefined {
    return this.#leases.get(idOf(policy))
  }

  byId(id: string): Lease | undefined {
    return this.#leases.get(id)
  }

  /** The leases that lie in a bucket. */
  inBucket(bucket: string): Iterable<Lease> {
    return this.#setOf(bucket)
  }

  [Symbol.iterator](): Iterator<Lease> {
    return this.#leases.values()
  }

  /** Forgets some of what has ended; called again and again, it comes by everything. */
  sweep(now: Moment): void {
    this.#sweeping ??= this.#leases.values()
    for (let i = 0; i < sweptAtOnce; i += 1) {
      const { done, value } = this.#sweeping.next()
      if (done === true) {
        this.#sweeping = undefined
        return
      }
      if (!isBusy(value) && now.monotonicMs > value.knownUntilMs() + keptAfterEndMs) this.#forget(value)
    }
  }

  /**
   * Forgets the oldest lease of which nothing is in hand. If the store loses data while the window lasts, nobody states
   * what this process used of it: the bound on that is in the documents.
   */
  #makeRoom(now: Moment): void {
    let lookedAt = 0
    for (const lease of this.#leases.values()) {
      lookedAt += 1
      if (!isBusy(lease) && !lease.isHolding(now) && !lease.mustState) {
        this.#forget(lease)
        return
      }
      // It goes to the end of those that are looked at: else the same few would be in the way each time.
      this.#leases.delete(lease.id)
      this.#leases.set(lease.id, lease)
      if (lookedAt === lookedAtOnce) break
    }
    throw new GatewayError('quota-store-full', { headers: ['Retry-After', '1'] })
  }

  #setOf(bucket: string): Set<Lease> {
    const known = this.#byBucket.get(bucket)
    if (known !== undefined) return known
    const leases = new Set<Lease>()
    this.#byBucket.set(bucket, leases)
    return leases
  }

  #forget(lease: Lease): void {
    this.#leases.delete(lease.id)
    this.#setOf(lease.bucket).delete(lease)
    this.#ofCharge = new WeakMap()
    this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, lease.knownUntilMs() + keptAfterEndMs)
  }
}

function isBusy(lease: Lease): boolean {
  return lease.flight !== undefined || lease.waiting > 0
}

/** What stands for a policy in the store: whose it is cannot be read from it. */
function idOf({ subject }: LimitPolicy): string {
  return hash('sha256', subject, 'base64url').slice(0, 22)
}
