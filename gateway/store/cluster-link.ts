import type { Cluster, Redis } from 'ioredis'
import { Backoff } from './backoff.ts'
import { findBucket, slotOfKey } from './buckets.ts'
import { type CommandLink, closeClient, type LinkEvents, reconnecting } from './command-link.ts'

/** How often the Cluster is asked who serves what, besides when a server says that it has moved. */
const refreshIntervalMs = 5_000

/** After this long without any server the client is opened anew, from the nodes that are configured. */
const reopenAfterMs = 10_000

type Address = { readonly host: string; readonly port: number }

/** The way to the primaries of a Cluster. */
export class ClusterLink implements CommandLink {
  readonly #open: (retryDelay: () => number) => Cluster
  readonly #events: LinkEvents
  readonly #hosts: readonly Address[]
  readonly #pauses: Backoff
  readonly #refresher: NodeJS.Timeout
  #client: Cluster
  #settledAtMs = performance.now()
  #turn: number

  constructor(
    {
      open,
      hosts,
    }: { readonly open: (retryDelay: () => number) => Cluster; readonly hosts: readonly Address[] },
    events: LinkEvents,
    random: () => number,
  ) {
    this.#open = open
    this.#hosts = hosts
    this.#events = events
    this.#pauses = new Backoff(reconnecting, random)
    // A fleet's listeners spread over the nodes.
    this.#turn = Math.floor(random() * 16_384)
    this.#client = this.#connect()
    // Not by the client's own interval, which a refresh under way sets going again after the client is closed.
    this.#refresher = setInterval(() => this.#client.refreshSlotsCache(), refreshIntervalMs)
  }

  get client(): Cluster {
    return this.#client
  }

  get servers(): readonly string[] {
    return this.#client.nodes('master').map(nameOf)
  }

  serverOf(key: string): string {
    const slot = slotOfKey(key)
    return (slot !== undefined && this.#client.slots[slot]?.[0]) || ''
  }

  publish(key: string, channel: string, message: string): Promise<unknown> {
    const server = this.serverOf(key)
    const node = this.#client.nodes('master').find((candidate) => nameOf(candidate) === server)
    return (node ?? this.#client).publish(channel, message)
  }

  findBucket(isWanted: (server: string) => boolean): string | undefined {
    return findBucket((slot) => {
      const server = this.#client.slots[slot]?.[0]
      return server !== undefined && isWanted(server)
    })
  }

  nextListener(): Address {
    const known = this.#client.nodes('all').map(({ options }) => addressOf(options))
    const nodes = known.length > 0 ? known : this.#hosts
    this.#turn += 1
    return nodes[this.#turn % nodes.length] as Address
  }

  settle(): void {
    this.#pauses.reset()
    this.#settledAtMs = performance.now()
  }

  /** Replicas that were never talked to can keep the client from seeing that all of its servers are gone. */
  heal(): void {
    if (performance.now() - this.#settledAtMs < reopenAfterMs) {
      this.#client.refreshSlotsCache()
      return
    }
    this.#settledAtMs = performance.now()
    const old = this.#client
    this.#client = this.#connect()
    void closeClient(silence(old))
  }

  close(): Promise<void> {
    clearInterval(this.#refresher)
    return closeClient(this.#client)
  }

  #connect(): Cluster {
    const cluster = this.#open(() => this.#pauses.next())
    const failed = (error: unknown) => this.#events.failed(error)
    cluster.on('error', failed)
    cluster.on('node error', failed)
    cluster.on('ready', () => this.#events.ready())
    cluster.on('+node', (node: Redis) => node.on('ready', () => this.#events.ready()))
    cluster.on('-node', (node: Redis) => this.#lose(nameOf(node)))
    return cluster
  }

  #lose(server: string): void {
    const bucket = this.findBucket((name) => name === server)
    if (bucket !== undefined) this.#events.lost(server, bucket)
  }
}

function silence(cluster: Cluster): Cluster {
  cluster.removeAllListeners()
  cluster.on('error', () => {})
  return cluster
}

function nameOf({ options }: Redis): string {
  const { host, port } = addressOf(options)
  return `${host}:${port}`
}

function addressOf({ host = '127.0.0.1', port = 6_379 }: Redis['options']): Address {
  return { host, port }
}
