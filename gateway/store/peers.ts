/** How long a process is remembered without being heard of. */
const memoryMs = 60_000

/** Most processes that are remembered: whoever may publish could make up any number. */
const maxPeers = 1_024

/** The ids that processes give themselves; whatever else is in a message is none. */
const idPattern = /^[\w-]{16}$/

const farewell = 'bye '

/** What a process says every second, and once when it stops. */
export const heartbeatOf = (id: string): string => id
export const farewellOf = (id: string): string => `${farewell}${id}`

/** The other processes that share the store, by what they say of themselves. */
export class Peers {
  readonly #ownId: string
  readonly #heardAtMs = new Map<string, number>()

  constructor(ownId: string) {
    this.#ownId = ownId
  }

  /** Takes a message at a time of a steady clock. Tells whether it was a heartbeat, this process's own included. */
  hear(message: string, nowMs: number): boolean {
    const isFarewell = message.startsWith(farewell)
    const id = isFarewell ? message.slice(farewell.length) : message
    if (!idPattern.test(id)) return false
    if (isFarewell) this.#heardAtMs.delete(id)
    else if (id !== this.#ownId) this.#remember(id, nowMs)
    return !isFarewell
  }

  /** The ids of the others that were heard of lately. */
  list(nowMs: number): readonly string[] {
    this.#forgetOld(nowMs)
    return [...this.#heardAtMs.keys()]
  }

  /** Counts everybody as just heard of: while nothing could be heard, silence told nothing about them. */
  resume(nowMs: number): void {
    for (const id of this.#heardAtMs.keys()) this.#heardAtMs.set(id, nowMs)
  }

  /** Everybody known, however long nothing has been heard. */
  listAll(): readonly string[] {
    return [...this.#heardAtMs.keys()]
  }

  #remember(id: string, nowMs: number): void {
    if (!this.#heardAtMs.has(id) && this.#heardAtMs.size >= maxPeers) this.#forgetOld(nowMs)
    if (this.#heardAtMs.has(id) || this.#heardAtMs.size < maxPeers) this.#heardAtMs.set(id, nowMs)
  }

  #forgetOld(nowMs: number): void {
    for (const [id, heardAtMs] of this.#heardAtMs)
      if (nowMs - heardAtMs > memoryMs) this.#heardAtMs.delete(id)
  }
}
