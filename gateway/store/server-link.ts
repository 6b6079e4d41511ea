import type { Redis } from 'ioredis'
import { Backoff } from './backoff.ts'
import { soleBucket } from './buckets.ts'
import { type CommandLink, closeClient, type LinkEvents, reconnecting } from './command-link.ts'

/** The name of the one server. */
const theServer = ''

/** The way to one server, or to the primary that the Sentinels name. */
export class ServerLink implements CommandLink {
  readonly client: Redis
  readonly servers = [theServer]
  readonly #pauses: Backoff

  constructor(open: (retryDelay: () => number) => Redis, events: LinkEvents, random: () => number) {
    this.#pauses = new Backoff(reconnecting, random)
    this.client = open(() => this.#pauses.next())
    this.client.on('error', (error: unknown) => {
      events.failed(error)
      this.#leaveWrongDatabase()
    })
    this.client.on('ready', () => events.ready())
    this.client.on('close', () => events.lost(theServer, soleBucket))
  }

  serverOf(): string {
    return theServer
  }

  publish(_key: string, channel: string, message: string): Promise<unknown> {
    return this.client.publish(channel, message)
  }

  findBucket(): string {
    return soleBucket
  }

  nextListener(): undefined {
    return undefined
  }

  settle(): void {
    this.#pauses.reset()
  }

  /** Sentinels may name another primary by now, and a name another address. */
  heal(): void {}

  close(): Promise<void> {
    return closeClient(this.client)
  }

  /** Where choosing the database fails, ioredis goes on with database 0: such a connection is of no use. */
  #leaveWrongDatabase(): void {
    if (this.client.options.db !== 0 && this.client.status === 'connect') this.client.disconnect(true)
  }
}
