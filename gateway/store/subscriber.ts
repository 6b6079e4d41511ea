import type { Redis } from 'ioredis'
import { Backoff } from './backoff.ts'
import { reconnecting } from './command-link.ts'
import { within } from './evaluate.ts'

/** How often the connection is tested, and how long the answer may take. */
const pingIntervalMs = 1_000
const pingTimeoutMs = 500

/** Longest wait for a connection to close when the store does. */
const closeTimeoutMs = 300

export interface SubscriberEvents {
  /** All channels are subscribed to: what is published from now on is heard, as long as the connection lasts. */
  subscribed(): void
  /** Messages may be missed from now on. */
  lost(): void
  message(channel: string, message: string): void
  failed(error: unknown): void
}

/**
 * Hears messages, on a connection of its own: one after the other, each to a server that is looked for anew, so that
 * subscriptions follow a failover. The clients' own way of subscribing again does not notice a server that is frozen,
 * and loses its channels when subscribing fails once.
 */
export class Subscriber {
  readonly #open: () => Redis
  readonly #events: SubscriberEvents
  readonly #channels = new Set<string>()
  readonly #pauses: Backoff
  #connection: Redis | undefined
  #pinger: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(open: () => Redis, events: SubscriberEvents, random: () => number) {
    this.#open = open
    this.#events = events
    this.#pauses = new Backoff(reconnecting, random)
  }

  start(): void {
    const connection = this.#open()
    this.#connection = connection
    connection.on('error', (error: unknown) => this.#events.failed(error))
    connection.on('message', (channel: string, message: string) => this.#events.message(channel, message))
    connection.once('ready', () => void this.#subscribe(connection))
    connection.once('end', () => this.#reconnect(connection))
  }

  /** Hears a channel too, on this connection and on all that follow. */
  add(channel: string): void {
    if (this.#channels.has(channel)) return
    this.#channels.add(channel)
    if (this.#connection?.status !== 'ready') return
    this.#events.lost()
    void this.#subscribe(this.#connection)
  }

  /** What works is heard from: the next loss is answered at once. */
  settle(): void {
    this.#pauses.reset()
  }

  /** Leaves a connection on which nothing is heard. */
  drop(): void {
    this.#connection?.disconnect()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    clearInterval(this.#pinger)
    const connection = this.#connection
    if (connection === undefined || connection.status === 'end') return
    const ended = new Promise((resolve) => connection.once('end', resolve))
    connection.disconnect()
    await within(closeTimeoutMs, ended).catch(() => {})
  }

  async #subscribe(connection: Redis): Promise<void> {
    try {
      await connection.subscribe(...this.#channels)
    } catch (error) {
      this.#events.failed(error)
      connection.disconnect()
      return
    }
    if (this.#connection !== connection || this.#isClosed) return
    clearInterval(this.#pinger)
    this.#pinger = setInterval(() => void this.#ping(connection), pingIntervalMs)
    this.#events.subscribed()
  }

  async #ping(connection: Redis): Promise<void> {
    await within(pingTimeoutMs, connection.ping()).catch(() => connection.disconnect())
  }

  #reconnect(connection: Redis): void {
    if (this.#connection !== connection) return
    clearInterval(this.#pinger)
    this.#events.lost()
    if (!this.#isClosed) this.#retry = setTimeout(() => this.start(), this.#pauses.next())
  }
}
