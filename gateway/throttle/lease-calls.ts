import { type SharedStore, StoreUnavailable } from '../shared-store.ts'
import type { Lease, Moment, Waiting } from './lease.ts'
import { type Bucket, byBucket, chunks, maxLeasesPerCall, newBucket } from './lease-bucket.ts'
import type { LeaseAnswer, LeaseCall, LeaseRequest, LeaseStore } from './lease-store.ts'
import type { LeaseTable } from './lease-table.ts'

/** How many calls are under way at once when everything is stated again. */
const restatingCalls = 8

/** How long others have to be heard of after a loss: longer while this process may not have heard of them all. */
const learnMs = { knowing: 100, new: 300 }

/** How long this process must have listened before it knows the others: they speak once a second. */
const knowsOthersAfterMs = 3_000

/** How often a bucket from which nothing is granted yet is asked again. */
const askAgainMs = 50

/** How often it is told that such a bucket waits for those who have not stated: by one of all who wait for it. */
const tellAgainMs = 250

/** Speaks with the store for the leases: one call at a time for each, and all of them again when the store has lost data. */
export class LeaseCalls {
  readonly #table: LeaseTable
  readonly #leaseStore: LeaseStore
  readonly #store: SharedStore
  readonly #now: () => Moment
  readonly #buckets = new Map<string, Bucket>()
  #sequence = 0
  #listeningSinceMs: number | undefined
  #hasKnownOthers = false
  #wasUp = false

  constructor(table: LeaseTable, stores: { leaseStore: LeaseStore; store: SharedStore }, now: () => Moment) {
    this.#table = table
    this.#leaseStore = stores.leaseStore
    this.#store = stores.store
    this.#now = now
    stores.store.onMessage('lost', (message) => this.#hearOfLoss(message))
    stores.store.onChange(() => this.#heedChange())
    this.#heedChange()
  }

  /** Whether the store can be asked for something in this bucket now. */
  canAsk(bucket: string, now: Moment): boolean {
    if (!this.#store.isUp) return false
    const known = this.#buckets.get(bucket)
    return known === undefined || known.isOpen || now.monotonicMs >= known.askAgainAtMs
  }

  /** Whether the store has ever answered for this bucket. */
  hasContact(bucket: string): boolean {
    return (this.#buckets.get(bucket)?.epoch ?? '') !== ''
  }

  /** How many processes share the quotas, as was heard last; `undefined` until this one has listened long enough to know. */
  get fleetSize(): number | undefined {
    return this.#hasKnownOthers || this.#knowsOthers() ? 1 + this.#store.peers.length : undefined
  }

  /**
   * Asks for leases, of which none has a call under way; each for what waits for it, or ahead of need, and not for less
   * than would be of use. Rejects with `StoreUnavailable` where the store gives none.
   */
  async ask(leases: readonly Lease[], least: number): Promise<void> {
    const plan: FlightPlan = {
      request: (lease) => lease.ask({ need: lease.waiting, least }, this.#now()),
      waiting: ({ waiting }) => ({ need: waiting, least }),
    }
    const calls = [...byBucket(leases)].map(([bucket, group]) => this.#fly(bucket, group, plan))
    const outcomes = await Promise.allSettled(calls)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** States what leases hold, and gives back what they do not use where that is wanted. Rejects like `ask`. */
  async state(leases: readonly Lease[], mustGiveBack: boolean): Promise<void> {
    const groups = [...byBucket(leases)].flatMap(([bucket, group]) =>
      chunks(group).map((chunk) => ({ bucket, chunk })),
    )
    await Promise.all(
      groups.map(({ bucket, chunk }) =>
        this.#fly(bucket, chunk, { request: (lease) => lease.state(mustGiveBack), waiting: () => nobody }),
      ),
    )
  }

  /** Looks whether a bucket has lost data; a failure is left to the next look. */
  touch(name: string): Promise<void> {
    const bucket = this.#bucket(name)
    bucket.touching ??= this.#exchange(bucket, [], stating)
      .catch(() => {})
      .finally(() => {
        bucket.touching = undefined
      })
    return bucket.touching
  }

  /** Waits until a bucket grants, within a bound. */
  async open(name: string, timeoutMs: number): Promise<void> {
    const endMs = this.#now().monotonicMs + timeoutMs
    do {
      await this.touch(name)
      const bucket = this.#bucket(name)
      await bucket.restating
      if (bucket.isOpen || !this.#store.isUp) return
      await new Promise((resolve) => setTimeout(resolve, askAgainMs))
    } while (this.#now().monotonicMs < endMs)
  }

  /** Goes on with what a failure has left behind. */
  retry(): void {
    if (!this.#store.isUp) return
    for (const bucket of this.#buckets.values()) if (!bucket.isStated) this.#restate(bucket)
  }

  /** Looks at every bucket in which something is held: a message about a loss may not have been heard. */
  lookAround(): void {
    const nowMs = this.#now().monotonicMs
    const names = new Set<string>()
    for (const lease of this.#table) if (nowMs < lease.knownUntilMs()) names.add(lease.bucket)
    for (const name of names) void this.touch(name)
  }

  /** What was lost while the store was away, or messages were not heard, is not known: everything is stated again. */
  #heedChange(): void {
    const { isUp, isListening } = this.#store
    const isBack = (isUp && !this.#wasUp) || (isListening && this.#listeningSinceMs === undefined)
    this.#wasUp = isUp
    this.#hasKnownOthers ||= this.#knowsOthers()
    if (!isListening) this.#listeningSinceMs = undefined
    else this.#listeningSinceMs ??= this.#now().monotonicMs
    if (!isUp || !isBack) return
    for (const bucket of this.#buckets.values()) {
      bucket.isStated = false
      this.#restate(bucket)
    }
  }

  /** Somebody waits for a bucket that has lost data, and for all who have not stated yet. */
  #hearOfLoss(message: string): void {
    const [name = '', epoch] = message.split(' ')
    if (!this.#store.buckets.includes(name)) return
    const bucket = this.#bucket(name)
    bucket.tellAgainAtMs = this.#now().monotonicMs + tellAgainMs
    if (epoch !== bucket.epoch) void this.touch(name)
    else if (!bucket.isStated) this.#restate(bucket)
  }

  /** Sends one call for leases of one bucket, and lets them know when it is over. */
  #fly(name: string, leases: readonly Lease[], plan: FlightPlan): Promise<void> {
    const flight = this.#exchange(this.#bucket(name), leases, plan).finally(() => {
      for (const lease of leases) lease.flight = undefined
    })
    for (const lease of leases) lease.flight = flight
    return flight
  }

  async #exchange(bucket: Bucket, leases: readonly Lease[], plan: FlightPlan): Promise<void> {
    const sent = copy(this.#now())
    const { epoch } = bucket
    const waiting = leases.map(plan.waiting)
    const requests = leases.map((lease) => {
      const asked = plan.request(lease)
      return asked.kind === 'window'
        ? { ...asked, isAfterLoss: lease.epoch !== '' && lease.epoch !== epoch }
        : asked
    })
    const answer = await this.#leaseStore.call(this.#callFor(bucket, requests))
    const times = { sent, received: copy(this.#now()), storeMs: answer.nowMs }
    let isCorrupt = false
    for (const [index, lease] of leases.entries()) {
      const grant = answer.grants[index]
      if (grant === undefined) continue
      if (grant.kind === 'corrupt') isCorrupt = true
      // Where nothing is granted yet, there being nothing says nothing of the quota.
      lease.accept(grant, times, (answer.isOpen ? waiting[index] : undefined) ?? nobody)
      // Stated in an epoch that was not known of, it may have to be stated as what is left after a loss.
      if (epoch === '' || epoch === answer.epoch) lease.epoch = answer.epoch
      if (grant.kind === 'window') for (const topic of grant.tidings) this.#tell(topic, lease.id)
    }
    this.#heed(bucket, answer)
    if (isCorrupt)
      throw new Error('what the store holds of a quota was written by somebody else: delete its key')
    if (!answer.isOpen && waiting.some(({ need }) => need > 0))
      throw new StoreUnavailable('the store has lost data, and is being told again')
  }

  #callFor(bucket: Bucket, requests: readonly LeaseRequest[]): LeaseCall {
    this.#sequence += 1
    return {
      bucket: bucket.name,
      sequence: this.#sequence,
      peers: this.#store.peers,
      learnMs: this.#knowsOthers() ? learnMs.knowing : learnMs.new,
      statedEpoch: bucket.isStated ? bucket.epoch : '',
      requests,
    }
  }

  #knowsOthers(): boolean {
    const since = this.#listeningSinceMs
    return since !== undefined && this.#now().monotonicMs - since >= knowsOthersAfterMs
  }

  #heed(bucket: Bucket, { epoch, isNewEpoch, isOpen }: LeaseAnswer): void {
    const nowMs = this.#now().monotonicMs
    bucket.isOpen = isOpen
    if (!isOpen) bucket.askAgainAtMs = nowMs + askAgainMs
    const isKnown = epoch === bucket.epoch
    // Whoever saw it first may not have lived to tell, and whoever was told may not have heard.
    const mustTell = isNewEpoch || (!isOpen && isKnown && nowMs >= bucket.tellAgainAtMs)
    if (mustTell) this.#tell('lost', `${bucket.name} ${epoch}`)
    if (mustTell || !isKnown) bucket.tellAgainAtMs = nowMs + tellAgainMs
    if (isKnown) return
    bucket.epoch = epoch
    bucket.isStated = false
    this.#restate(bucket)
  }

  /** States everything that is held in a bucket, then that it is everything. What fails is tried again by `retry`. */
  #restate(bucket: Bucket): void {
    bucket.restating ??= this.#restateAll(bucket)
      .catch(() => {})
      .finally(() => {
        bucket.restating = undefined
      })
  }

  async #restateAll(bucket: Bucket): Promise<void> {
    for (;;) {
      const { epoch } = bucket
      const unstated = this.#unstated(bucket)
      if (unstated.length > 0) {
        await this.#stateSome(unstated)
      } else if (bucket.isStated) return
      else {
        bucket.isStated = true
        await this.#exchange(bucket, [], stating).catch((error: unknown) => {
          bucket.isStated = false
          throw error
        })
        if (epoch === bucket.epoch) return
      }
    }
  }

  /** Some calls at a time: one after the other would take too long, all at once too much. */
  async #stateSome(leases: readonly Lease[]): Promise<void> {
    const atOnce = maxLeasesPerCall * restatingCalls
    for (let start = 0; start < leases.length; start += atOnce) {
      const some = leases.slice(start, start + atOnce)
      await Promise.allSettled(some.map(({ flight }) => flight))
      await this.state(
        some.filter(({ flight }) => flight === undefined),
        false,
      )
    }
  }

  #unstated({ name, epoch }: Bucket): Lease[] {
    const nowMs = this.#now().monotonicMs
    const unstated: Lease[] = []
    for (const lease of this.#table.inBucket(name)) {
      const isStated = lease.epoch === epoch || lease.epoch === ''
      if (nowMs >= lease.knownUntilMs() || (isStated && !lease.mustState)) continue
      unstated.push(lease)
    }
    return unstated
  }

  #bucket(name: string): Bucket {
    const known = this.#buckets.get(name)
    if (known !== undefined) return known
    const bucket = newBucket(name)
    this.#buckets.set(name, bucket)
    return bucket
  }

  #tell(topic: string, message: string): void {
    this.#store.publish(topic, message).catch(() => {})
  }
}

/** What is asked of the store for each lease, and what waits for it. */
interface FlightPlan {
  readonly request: (lease: Lease) => LeaseRequest
  readonly waiting: (lease: Lease) => Waiting
}

const nobody: Waiting = { need: 0, least: 1 }

const stating: FlightPlan = { request: (lease) => lease.state(false), waiting: () => nobody }

function copy({ monotonicMs, wallMs }: Moment): Moment {
  return { monotonicMs, wallMs }
}
