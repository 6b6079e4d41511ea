import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { RedisSettings } from '../config/settings.ts'
import { type SharedStore, type StoreScript, StoreUnavailable } from '../shared-store.ts'
import { Breaker } from './breaker.ts'
import { bucketOfTag, clusterBuckets, soleBucket } from './buckets.ts'
import type { CommandLink, LinkEvents } from './command-link.ts'
import { evaluate, within } from './evaluate.ts'
import { ClientOpener } from './open-clients.ts'
import { Presence, presenceTopic } from './presence.ts'
import { ReplyRefused } from './reply-guard.ts'
import { connectionClosed, describeFailure, neverAnswered, type StoreFailure } from './store-failure.ts'
import type { StoreListener } from './store-listener.ts'
import { Subscriber, type SubscriberEvents } from './subscriber.ts'

/** Changes nothing of anybody's, but shows that scripts run, may ask what they need, and that what they write is accepted. */
const probeScript: StoreScript = {
  name: 'probe',
  lua: "redis.call('INFO', 'server') return redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)",
}

/** Stands for the store as a whole where its servers are not known. */
const wholeStore = ''

export interface StoreOptions {
  readonly listener: StoreListener
  /** From 0 to below 1. */
  readonly random: () => number
  /** Longest wait for an answer: what a request may lose once when the store dies. */
  readonly answerTimeoutMs: number
}

/** A store on a Redis or Valkey: one server, one that Sentinels name, or a Cluster. */
export class RedisStore implements SharedStore {
  readonly processId = randomBytes(12).toString('base64url')
  /** Whether keys of different buckets may lie on different servers, so that one script cannot see both. */
  readonly isPartitioned: boolean
  readonly #prefix: string
  readonly #answerTimeoutMs: number
  readonly #listener: StoreListener
  readonly #link: CommandLink
  readonly #breaker: Breaker
  readonly #subscriber: Subscriber
  readonly #presence: Presence
  readonly #hearers = new Map<string, ((message: string) => void)[]>()
  readonly #changeListeners: (() => void)[] = []
  #isUp = false
  #isClosed = false
  /** What the connections said last, where a command's own failure says nothing. */
  #lastFault = neverAnswered

  /** Opens the connections, and waits for none. Throws when the file of the authority's certificates cannot be read. */
  constructor(settings: RedisSettings, { listener, random, answerTimeoutMs }: StoreOptions) {
    this.isPartitioned = settings.topology === 'cluster'
    this.#prefix = settings.prefix
    this.#listener = listener
    this.#answerTimeoutMs = answerTimeoutMs
    const opener = new ClientOpener(settings)
    this.#breaker = new Breaker({
      probe: (key) => this.#probe(key),
      onState: (server, fault) => this.#noteState(server, fault),
      random,
    })
    this.#link = opener.openLink(this.#linkEvents(), random)
    const openForMessages = () => opener.openForMessages(this.#link.nextListener())
    this.#subscriber = new Subscriber(openForMessages, this.#subscriberEvents(), random)
    this.#presence = new Presence({
      processId: this.processId,
      publish: (message) => this.publish(presenceTopic, message),
      subscriber: this.#subscriber,
      onChange: () => this.#noteListening(),
    })
    this.onMessage(presenceTopic, (message) => this.#presence.hear(message))
    this.#breaker.trip(wholeStore, this.#probeKey(soleBucket), 'there is no connection yet')
    this.#subscriber.start()
    this.#presence.start()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get isListening(): boolean {
    return this.#presence.isListening
  }

  get peers(): readonly string[] {
    return this.#presence.peers
  }

  bucketOf(tag: string): string {
    return this.isPartitioned ? bucketOfTag(tag) : soleBucket
  }

  get buckets(): readonly string[] {
    return this.isPartitioned ? clusterBuckets : [soleBucket]
  }

  key(bucket: string, rest: string): string {
    return `${this.#prefix}:{${bucket}}:${rest}`
  }

  run(script: StoreScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const key = keys[0] ?? this.#probeKey(soleBucket)
    const send = () => evaluate(this.#link.client, { script, keys, args }, this.#answerTimeoutMs)
    return this.#ask({ name: script.name, key, send })
  }

  async publish(topic: string, message: string): Promise<void> {
    // Every node of a Cluster passes messages on: one that is known to answer will do.
    const bucket = this.#link.findBucket((server) => this.#breaker.faultOf(server) === undefined)
    const key = this.#probeKey(bucket ?? soleBucket)
    const send = () => within(this.#answerTimeoutMs, this.#link.publish(key, this.#channelOf(topic), message))
    try {
      await this.#ask({ name: 'publish', key, send })
    } catch (error) {
      if (error instanceof StoreUnavailable || !(error instanceof Error)) throw error
      throw new StoreUnavailable(error.message)
    }
  }

  onMessage(topic: string, listener: (message: string) => void): void {
    const channel = this.#channelOf(topic)
    this.#hearers.set(channel, [...(this.#hearers.get(channel) ?? []), listener])
    this.#subscriber.add(channel)
  }

  onChange(listener: () => void): void {
    this.#changeListeners.push(listener)
  }

  #linkEvents(): LinkEvents {
    return {
      ready: () => this.#breaker.probeNow(),
      lost: (server, bucket) => this.#trip(server, this.#probeKey(bucket), this.#lastFault),
      failed: (error) => this.#noteFault(error),
    }
  }

  #subscriberEvents(): SubscriberEvents {
    return {
      subscribed: () => this.#presence.subscribed(),
      lost: () => this.#presence.lost(),
      message: (channel, message) => this.#hear(channel, message),
      failed: (error) => this.#listener.listeningState(describeFailure(error).reason),
    }
  }

  /** What an `INFO` section says on every server that answers. Rejects when the store may not ask. */
  async info(section: string): Promise<readonly string[]> {
    const { client } = this.#link
    const servers: readonly Redis[] = 'nodes' in client ? client.nodes('master') : [client]
    return await Promise.all(servers.map((server) => within(this.#answerTimeoutMs, server.info(section))))
  }

  /** Says goodbye to the others and closes the connections, within half a second. Nothing is sent afterwards. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#presence.close()
    this.#isClosed = true
    this.#breaker.close()
    this.#setUp(false)
    await Promise.all([this.#subscriber.close(), this.#link.close()])
  }

  async #ask({ name, key, send }: Command): Promise<unknown> {
    const server = this.#link.serverOf(key)
    const fault = this.#refusalOf(server)
    if (fault !== undefined) {
      this.#listener.commandDone(name, 'refused')
      throw new StoreUnavailable(`the store is down: ${fault}`)
    }
    const { generation } = this.#breaker
    try {
      const answer = await send()
      this.#listener.commandDone(name, 'answered')
      return answer
    } catch (error) {
      const failure = this.#describe(error)
      this.#listener.commandDone(name, failure.isOfScript ? 'script-failed' : 'unavailable')
      if (failure.isOfScript) throw new Error(`the script ${name} failed: ${failure.reason}`)
      // What was sent before a server was taken back says nothing about it any more.
      if (generation === this.#breaker.generation)
        this.#trip(server, this.#probeKeyBeside(key), failure.reason)
      throw new StoreUnavailable(`the store gives no answer: ${failure.reason}`)
    }
  }

  #refusalOf(server: string): string | undefined {
    if (this.#isClosed) return 'it is closed'
    return this.#breaker.faultOf(wholeStore) ?? this.#breaker.faultOf(server)
  }

  #trip(server: string, key: string, reason: string): void {
    if (!this.#isClosed) this.#breaker.trip(server, key, reason)
  }

  async #probe(key: string): Promise<string | undefined> {
    const call = { script: probeScript, keys: [key], args: [this.processId] }
    try {
      const answer = await evaluate(this.#link.client, call, this.#answerTimeoutMs)
      if (answer !== 'OK') throw new ReplyRefused('a script that writes is not answered with OK')
    } catch (error) {
      this.#link.heal()
      return this.#describe(error).reason
    }
    this.#link.settle()
    this.#lastFault = connectionClosed
    return undefined
  }

  /** A command that was cut off says only that: why was said by the connection, or by what failed before. */
  #describe(error: unknown): StoreFailure {
    const failure = describeFailure(error)
    if (failure.reason === connectionClosed) return { ...failure, reason: this.#lastFault }
    this.#noteFault(error)
    return failure
  }

  #noteFault(error: unknown): void {
    const { reason } = describeFailure(error)
    if (reason !== connectionClosed) this.#lastFault = reason
  }

  #noteState(server: string, fault: string | undefined): void {
    this.#listener.serverState(server, fault)
    this.#setUp(this.#link.servers.some((name) => this.#refusalOf(name) === undefined))
  }

  #noteListening(): void {
    if (this.isListening) this.#listener.listeningState(undefined)
    this.#tellChange()
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return
    this.#isUp = isUp
    if (isUp) this.#presence.beat()
    this.#tellChange()
  }

  #tellChange(): void {
    for (const listener of this.#changeListeners) this.#guard(listener)
  }

  #hear(channel: string, message: string): void {
    for (const listener of this.#hearers.get(channel) ?? []) this.#guard(() => listener(message))
  }

  /** Whoever is told of something runs inside a connection's own event: what they throw must not end the process. */
  #guard(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#listener.listenerFailed(error)
    }
  }

  #channelOf(topic: string): string {
    return `${this.#prefix}:${topic}`
  }

  #probeKey(bucket: string): string {
    return this.key(bucket, 'probe')
  }

  /** The key of the probes in the bucket of a key. */
  #probeKeyBeside(key: string): string {
    return this.#probeKey(key.slice(key.indexOf('{') + 1, key.indexOf('}')))
  }
}

/** What is sent to the server of a key. */
interface Command {
  /** For figures and errors. */
  readonly name: string
  readonly key: string
  readonly send: () => Promise<unknown>
}
