import type { Cluster, Redis } from 'ioredis'

/** What a store is told of its connections. */
export interface LinkEvents {
  /** A server can be talked to again, or for the first time. */
  ready(): void
  /** The connection to a server is gone; the bucket is one that lies on it. */
  lost(server: string, bucket: string): void
  /** Something went wrong between commands. */
  failed(error: unknown): void
}

/** The way of a store's commands to its servers: to one, or to the primaries of a Cluster. */
export interface CommandLink {
  readonly client: Redis | Cluster
  /** The names of the servers that commands go to now. */
  readonly servers: readonly string[]
  /** The name of the server on which a key lies, as far as is known. */
  serverOf(key: string): string
  /** A bucket on a server that fulfils the condition. */
  findBucket(isWanted: (server: string) => boolean): string | undefined
  /** Sends a message to all who listen, by the server on which the key lies. */
  publish(key: string, channel: string, message: string): Promise<unknown>
  /** Where messages can be heard: `undefined` for the one server. The turn goes round those that there are. */
  nextListener(): { readonly host: string; readonly port: number } | undefined
  /** A probe has succeeded. */
  settle(): void
  /** A probe has failed: looks whether the servers have changed. */
  heal(): void
  close(): Promise<void>
}

/** Longest wait for a client to close: by then its sockets are cut. */
const closeTimeoutMs = 300

/** Ends a client and waits until its sockets are closed. */
export async function closeClient(client: Redis | Cluster): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, closeTimeoutMs)
    client.once('end', () => {
      clearTimeout(timer)
      resolve()
    })
    client.disconnect()
  })
}

/** Pauses between two attempts to connect. */
export const reconnecting = { firstMs: 50, longestMs: 1_000 }
