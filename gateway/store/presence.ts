import { farewellOf, heartbeatOf, Peers } from './peers.ts'
import type { Subscriber } from './subscriber.ts'

const heartbeatIntervalMs = 1_000

/** Without any heartbeat for this long, messages are not being heard. */
const deafAfterMs = 3_000

/** The topic of the heartbeats. */
export const presenceTopic = 'presence'

export interface PresenceOptions {
  readonly processId: string
  /** Sends a message to all; may reject. */
  readonly publish: (message: string) => Promise<void>
  readonly subscriber: Pick<Subscriber, 'settle' | 'drop'>
  readonly onChange: () => void
}

/**
 * Knows whether messages are being heard, and who else is there: every process says its name each second, and hearing
 * any of them, itself included, shows that the whole way from publishing to hearing works.
 */
export class Presence {
  readonly #options: PresenceOptions
  readonly #peers: Peers
  #isSubscribed = false
  #isListening = false
  #isClosed = false
  #beat: NodeJS.Timeout | undefined
  #deaf: NodeJS.Timeout | undefined

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#peers = new Peers(options.processId)
  }

  get isListening(): boolean {
    return this.#isListening
  }

  /** While nothing can be heard these are all that were known before: silence then says nothing about them. */
  get peers(): readonly string[] {
    return this.#isListening ? this.#peers.list(performance.now()) : this.#peers.listAll()
  }

  start(): void {
    this.#beat = setInterval(() => this.beat(), heartbeatIntervalMs)
    this.#expectHeartbeat()
  }

  /** Says that this process is there. */
  beat(): void {
    this.#options.publish(heartbeatOf(this.#options.processId)).catch(() => {})
  }

  /** The subscription holds; a heartbeat is to show it. */
  subscribed(): void {
    this.#isSubscribed = true
    this.#expectHeartbeat()
    this.beat()
  }

  /** The subscription is gone. */
  lost(): void {
    this.#isSubscribed = false
    this.#setListening(false)
  }

  hear(message: string): void {
    const nowMs = performance.now()
    if (!this.#peers.hear(message, nowMs) || !this.#isSubscribed || this.#isClosed) return
    this.#options.subscriber.settle()
    this.#expectHeartbeat()
    if (!this.#isListening) this.#peers.resume(nowMs)
    this.#setListening(true)
  }

  /** Says goodbye, so that others need not wait to see that this process is gone. */
  async close(): Promise<void> {
    clearInterval(this.#beat)
    await this.#options.publish(farewellOf(this.#options.processId)).catch(() => {})
    this.#isClosed = true
    clearTimeout(this.#deaf)
    this.#setListening(false)
  }

  /** A connection that says nothing although all is well with it may be on a node that has lost the others. */
  #expectHeartbeat(): void {
    clearTimeout(this.#deaf)
    if (this.#isClosed) return
    this.#deaf = setTimeout(() => {
      this.#setListening(false)
      this.#options.subscriber.drop()
      this.#expectHeartbeat()
    }, deafAfterMs)
  }

  #setListening(isListening: boolean): void {
    if (this.#isListening === isListening) return
    this.#isListening = isListening
    this.#options.onChange()
  }
}
