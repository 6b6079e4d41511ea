import { type SharedStore, StoreUnavailable } from '../../gateway/shared-store.ts'
import { LeaseLedger } from '../../gateway/throttle/lease-ledger.ts'
import type { LeaseAnswer, LeaseCall, LeaseStore } from '../../gateway/throttle/lease-store.ts'
import type { LeaseModel } from './lease-model.ts'

/** The messages of a fleet that runs in one process. */
export class MessageBus {
  readonly listeners: { topic: string; hear: (message: string) => void }[] = []

  publish(topic: string, message: string): void {
    for (const listener of this.listeners)
      if (listener.topic === topic) queueMicrotask(() => listener.hear(message))
  }
}

interface Bus {
  readonly listeners: { topic: string; hear: (message: string) => void }[]
  publish(topic: string, message: string): void
}

/** A store of which a test decides whether it is there, for ledgers that are given another way to their leases. */
export class TestStore implements SharedStore {
  readonly processId: string
  readonly buckets = ['b0']
  isUp = true
  isListening = true
  peers: readonly string[] = []
  readonly #bus: Bus
  readonly #changes: (() => void)[] = []

  constructor(processId: string, bus: Bus) {
    this.processId = processId
    this.#bus = bus
  }

  bucketOf(): string {
    return 'b0'
  }

  key(bucket: string, rest: string): string {
    return `test:{${bucket}}:${rest}`
  }

  run(..._call: Parameters<SharedStore['run']>): Promise<unknown> {
    return Promise.reject(new StoreUnavailable('this store runs no scripts'))
  }

  async publish(topic: string, message: string): Promise<void> {
    this.#bus.publish(topic, message)
  }

  onMessage(topic: string, hear: (message: string) => void): void {
    this.#bus.listeners.push({ topic, hear })
  }

  onChange(listener: () => void): void {
    this.#changes.push(listener)
  }

  hear(topic: string, message: string): void {
    for (const listener of this.#bus.listeners) if (listener.topic === topic) listener.hear(message)
  }

  /** Goes down, or comes back. */
  set(isUp: boolean): void {
    this.isUp = isUp
    for (const change of this.#changes) change()
  }
}

/** Grants by the model, at once. */
export class ModelLeaseStore implements LeaseStore {
  readonly #model: LeaseModel
  readonly #store: SharedStore
  calls = 0

  constructor(model: LeaseModel, store: SharedStore) {
    this.#model = model
    this.#store = store
  }

  async call(call: LeaseCall): Promise<LeaseAnswer> {
    if (!this.#store.isUp) throw new StoreUnavailable('down')
    this.calls += 1
    const answer = this.#model.apply(this.#store.processId, call)
    if (answer.grants.some((grant) => grant.kind === 'window' && grant.startMs < 0))
      throw new StoreUnavailable('overtaken')
    return answer
  }
}

/** A ledger on the model, by the model's clock. */
export async function createModelLedger(model: LeaseModel): Promise<LeaseLedger> {
  const store = new TestStore('p1', new MessageBus())
  const now = () => ({ monotonicMs: model.nowUs / 1_000, wallMs: model.nowUs / 1_000 })
  const leaseStore = new ModelLeaseStore(model, store)
  const ledger = new LeaseLedger({ store, leaseStore, now, listener: { notCounted: () => {} } })
  const opening = ledger.open(60_000)
  await settle()
  model.nowUs += 300_000
  await opening
  return ledger
}

/** Lets everything happen that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
