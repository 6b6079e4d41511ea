import { Backoff } from './backoff.ts'

/** Pauses between two probes. A server that is back is noticed within the longest one. */
const probing = { firstMs: 200, longestMs: 1_000 }

export interface BreakerOptions {
  /** Tries a server by a key that lies on it. Resolves with what is wrong, or with `undefined` when it serves. */
  readonly probe: (key: string) => Promise<string | undefined>
  /** Hears that a server is given up or still does not serve, and why; `undefined` when it is taken back. */
  readonly onState: (server: string, fault: string | undefined) => void
  readonly random: () => number
}

/** A server to which nothing is sent, and the probing of it. */
interface OpenServer {
  /** A key that lay on it when it failed. */
  readonly key: string
  reason: string
  readonly pauses: Backoff
  timer: NodeJS.Timeout | undefined
  isProbing: boolean
}

/**
 * Keeps requests from waiting for a server that does not answer: the first failure closes the way to it, and a single
 * probe in the background opens it again. A Cluster's servers fail one by one, so that each has a state of its own,
 * under its name; the probe follows its key, which after a failover leads to the new primary.
 */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #open = new Map<string, OpenServer>()
  #openings = 0

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Changes whenever a server is taken back: a failure of a command sent before says nothing any more. */
  get generation(): number {
    return this.#openings
  }

  /** What is wrong with the server; `undefined` while commands are sent to it. */
  faultOf(server: string): string | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(server)?.reason
  }

  /** Gives a server up, by a key on it. */
  trip(server: string, key: string, reason: string): void {
    if (this.#open.has(server)) return
    const pauses = new Backoff(probing, this.#options.random)
    const entry = { key, reason, pauses, timer: undefined, isProbing: false }
    this.#open.set(server, entry)
    this.#schedule(server, entry)
    this.#options.onState(server, reason)
  }

  /** Probes what is given up now, because something has changed for the better. */
  probeNow(): void {
    for (const [server, entry] of this.#open) void this.#probe(server, entry)
  }

  /** Stops probing. */
  close(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer)
    this.#open.clear()
  }

  #schedule(server: string, entry: OpenServer): void {
    entry.timer = setTimeout(() => void this.#probe(server, entry), entry.pauses.next())
  }

  async #probe(server: string, entry: OpenServer): Promise<void> {
    if (entry.isProbing) return
    clearTimeout(entry.timer)
    entry.isProbing = true
    const fault = await this.#options.probe(entry.key)
    entry.isProbing = false
    if (this.#open.get(server) !== entry) return
    if (fault === undefined) {
      this.#open.delete(server)
      this.#openings += 1
    } else {
      entry.reason = fault
      this.#schedule(server, entry)
    }
    this.#options.onState(server, fault)
  }
}
