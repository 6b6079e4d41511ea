/** A Lua script that runs in the store, all or nothing. */
export interface StoreScript {
  /** Its name, for errors and metrics. */
  readonly name: string
  readonly lua: string
}

/** What all gateway processes share, and by which they hear of each other. Implemented in `store/`. */
export interface SharedStore {
  /** This process, for as long as it runs: random, and never used again. */
  readonly processId: string
  /**
   * Whether commands are sent at all: false from the first failure until a probe has succeeded. Of a store on several
   * servers it is true while any of them is asked; scripts for the others are refused at once all the same.
   */
  readonly isUp: boolean
  /** Whether messages are being heard; while not, some may be missed. */
  readonly isListening: boolean
  /** The ids of the processes that were heard of lately, without this one. */
  readonly peers: readonly string[]
  /**
   * The bucket into which a tag falls, such as `b17`: the same for equal tags, in every process and for good. Where the
   * store is not partitioned, there is only one bucket.
   */
  bucketOf(tag: string): string
  /** Every bucket that there is. */
  readonly buckets: readonly string[]
  /** The key `PREFIX:{BUCKET}:REST` for a bucket of {@link bucketOf}; keys of one bucket may be in one script. */
  key(bucket: string, rest: string): string
  /**
   * Runs a script on keys of one bucket. Rejects with {@link StoreUnavailable} at once while the store is down, and when
   * it gives no answer in time; then it is not known whether the script has run or will still run. Rejects with another
   * error, which names the script and nothing of what it was given, when the script itself fails.
   */
  run(script: StoreScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  /** Sends a message to every process that listens on the topic, this one too. Rejects with {@link StoreUnavailable}. */
  publish(topic: string, message: string): Promise<void>
  /** Hears a topic's messages from now on; each at most once, and none that is sent while nobody listens. */
  onMessage(topic: string, listener: (message: string) => void): void
  /** Hears when the store goes down or comes back, and when messages begin or cease to be heard. */
  onChange(listener: () => void): void
}

/** The store gave no answer. The message says why, and names neither passwords nor what was asked. */
export class StoreUnavailable extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'StoreUnavailable'
  }
}
