import { readFileSync } from 'node:fs'
import { type RedisOptions as ClientOptions, Cluster, type ClusterOptions, Redis } from 'ioredis'
import type { RedisSettings } from '../config/settings.ts'
import { ClusterLink } from './cluster-link.ts'
import type { CommandLink, LinkEvents } from './command-link.ts'
import { primaryConnector, serverConnector } from './guarded-connectors.ts'
import type { ReplyPurpose } from './reply-guard.ts'
import { ServerLink } from './server-link.ts'
import { checkTopologyReplies } from './topology-replies.ts'

/** Longest wait for a connection. */
const connectTimeoutMs = 500

/** Longest wait for the answer to what a new connection begins with: authentication, choice of the database. */
const handshakeTimeoutMs = 500

/** A connection on which an answer is due and nothing has come for this long is dropped: its other end may be gone. */
const silenceMs = 1_000

/** How long a connection may take to close in order before it is cut: a frozen server never does its part. */
const closingMs = 100

/** The replies' shapes are left as they are. */
type RedisOptions = Omit<ClientOptions, 'replyMapping'>

/**
 * Opens the clients of a store. ioredis' own defaults keep commands until a server comes back and send them again, which
 * would count a request twice; here everything fails at once, and the store decides what follows.
 */
export class ClientOpener {
  readonly #settings: RedisSettings
  readonly #common: RedisOptions

  /** Throws when the file of the authority's certificates cannot be read. */
  constructor(settings: RedisSettings) {
    this.#settings = settings
    this.#common = commonOptions(settings)
    checkTopologyReplies()
  }

  /** Opens the way for commands, as the topology takes it. */
  openLink(events: LinkEvents, random: () => number): CommandLink {
    if (this.#settings.topology !== 'cluster')
      return new ServerLink((retryDelay) => this.#openServer(retryDelay), events, random)
    const open = (retryDelay: () => number) => this.#openCluster(retryDelay)
    return new ClusterLink({ open, hosts: this.#settings.hosts }, events, random)
  }

  /** The client of one server, or of the primary that the Sentinels name; it looks for it again and again. */
  #openServer(retryDelay: () => number): Redis {
    const retrying = { retryStrategy: retryDelay, sentinelRetryStrategy: retryDelay, reconnectOnError }
    return this.#open({ ...this.#common, ...retrying, socketTimeout: silenceMs }, 'commands')
  }

  #openCluster(retryDelay: () => number): Cluster {
    const cluster = new Cluster([...this.#settings.hosts], {
      ...clusterOptions,
      redisOptions: { ...this.#common, socketTimeout: silenceMs, Connector: serverConnector('commands') },
      clusterRetryStrategy: retryDelay,
    })
    cluster.on('+node', prepareNode)
    return cluster
  }

  /** One connection for messages, which ends when it breaks. In a Cluster it goes to the node that is given. */
  openForMessages(node?: { readonly host: string; readonly port: number }): Redis {
    const once = { ...this.#common, retryStrategy: () => null, sentinelRetryStrategy: () => null }
    return node === undefined
      ? this.#open(once, 'messages')
      : new Redis({ ...once, ...node, Connector: serverConnector('messages') })
  }

  #open(options: RedisOptions, purpose: ReplyPurpose): Redis {
    const { topology, hosts, database, primaryName, isTls, ...settings } = this.#settings
    if (topology === 'standalone')
      return new Redis({ ...options, ...hosts[0], db: database, Connector: serverConnector(purpose) })
    return new Redis({
      ...options,
      Connector: primaryConnector(purpose),
      db: database,
      name: primaryName,
      sentinels: hosts.map(({ host, port }) => ({ host, port })),
      // A Sentinel that is frozen would otherwise be waited for without end.
      sentinelCommandTimeout: handshakeTimeoutMs,
      // Those that are configured are asked: what one of them makes up would be added without end.
      updateSentinels: false,
      ...(settings.sentinelUsername !== undefined && { sentinelUsername: settings.sentinelUsername }),
      ...(settings.sentinelPassword !== undefined && { sentinelPassword: settings.sentinelPassword }),
      ...(options.tls && { sentinelTLS: options.tls, enableTLSForSentinelMode: isTls }),
    })
  }
}

function commonOptions({ isTls, ca, username, password, prefix }: RedisSettings): RedisOptions {
  return {
    // Nothing here needs the newer protocol, and it mixes messages into the answers.
    protocol: 2,
    connectTimeout: connectTimeoutMs,
    commandTimeout: handshakeTimeoutMs,
    disconnectTimeout: closingMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // A probe by the store's own script tells more, and needs no INFO. A denied INFO would also be printed each time.
    enableReadyCheck: false,
    disableClientInfo: true,
    connectionName: prefix,
    // A password without a user is the default user's.
    ...(password !== '' && { password }),
    ...(username !== '' && { username }),
    ...(isTls && { tls: ca === undefined ? {} : { ca: readFileSync(ca) } }),
  }
}

/** A primary that has become a replica keeps its connections: the Sentinels, or the name's address, tell the new one. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith('READONLY')

const clusterOptions: ClusterOptions = {
  enableOfflineQueue: false,
  enableReadyCheck: false,
  scaleReads: 'master',
  maxRedirections: 4,
  // The client would wait and try again; what happens to a request meanwhile is decided in the store.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 0,
  // The name goes on to where the connection is made, so that a certificate is held against it and not against a number.
  dnsLookup: (address, done) => done(null, address),
}

/**
 * Connects to a new node at once, so that no command waits for it. And heeds that ioredis sends ASKING without looking
 * after its promise: its failure would end the process.
 */
function prepareNode(node: Redis): void {
  const ask = node.asking.bind(node) as () => Promise<'OK'>
  node.asking = (() => {
    const answer = ask()
    answer.catch(() => {})
    return answer
  }) as typeof node.asking
  if (node.options.readOnly !== true) node.connect().catch(() => {})
}
