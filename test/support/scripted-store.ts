import type { StoreScript } from '../../gateway/shared-store.ts'
import { type SharedStore, StoreUnavailable } from '../../gateway/shared-store.ts'
import { bucketOfTag, soleBucket } from '../../gateway/store/buckets.ts'

/** Runs a script for real. */
export type ScriptRunner = (
  script: StoreScript,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>

/** The messages between the processes of a test, which arrive when the test wants. */
export class ScriptedBus {
  readonly stores: ScriptedStore[] = []

  publish(topic: string, message: string): void {
    for (const store of this.stores) store.enqueue(topic, message)
  }
}

/**
 * One process's way to a real Redis, on which the test decides when a message arrives and when the link is gone. While it
 * is gone, messages are lost.
 */
export class ScriptedStore implements SharedStore {
  readonly processId: string
  readonly isPartitioned: boolean
  readonly buckets = ['b0']
  readonly peers = []
  isUp = true
  isListening = true
  readonly #prefix: string
  readonly #run: ScriptRunner
  readonly #bus: ScriptedBus
  readonly #hearers = new Map<string, (message: string) => void>()
  readonly #changeListeners: (() => void)[] = []
  readonly #arriving: (() => void)[] = []

  constructor(
    bus: ScriptedBus,
    run: ScriptRunner,
    { prefix, isPartitioned = false }: { prefix: string; isPartitioned?: boolean },
  ) {
    this.processId = `process-${bus.stores.length}`
    this.isPartitioned = isPartitioned
    this.#prefix = prefix
    this.#run = run
    this.#bus = bus
    bus.stores.push(this)
  }

  bucketOf(tag: string): string {
    return this.isPartitioned ? bucketOfTag(tag) : soleBucket
  }

  key(bucket: string, rest: string): string {
    return `${this.#prefix}:{${bucket}}:${rest}`
  }

  async run(
    script: StoreScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    if (!this.isUp) throw new StoreUnavailable('the test has taken it away')
    return await this.#run(script, keys, args)
  }

  async publish(topic: string, message: string): Promise<void> {
    if (!this.isUp) throw new StoreUnavailable('the test has taken it away')
    this.#bus.publish(topic, message)
  }

  onMessage(topic: string, listener: (message: string) => void): void {
    this.#hearers.set(topic, listener)
  }

  onChange(listener: () => void): void {
    this.#changeListeners.push(listener)
  }

  enqueue(topic: string, message: string): void {
    if (this.isListening) this.#arriving.push(() => this.#hearers.get(topic)?.(message))
  }

  /** Lets the messages under way arrive; of several, only so many. */
  deliver(most = Number.POSITIVE_INFINITY): void {
    for (const arrive of this.#arriving.splice(0, most)) arrive()
  }

  /** Takes the link away, and the messages under way with it; or gives it back. */
  setLink({ isUp, isListening }: { isUp: boolean; isListening: boolean }): void {
    this.isUp = isUp
    this.isListening = isListening
    if (!isListening) this.#arriving.length = 0
    for (const listener of this.#changeListeners) listener()
  }
}
