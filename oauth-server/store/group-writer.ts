import { isStoreUnavailable, StoreOverloaded } from './unavailable.ts'

/** Most rows in one statement: SQLite and Postgres take many thousands of parameters, and the write lock stays short. */
const maxRowsTogether = 100

/** Most rows that wait; beyond it the store is slower than what is asked of it, and waiting longer helps nobody. */
const maxWaiting = 5_000

interface Waiting<Row> {
  readonly row: Row
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: rows that come while others are being written go together in the next statement, so that one wait for
 * the disk serves them all. Nobody is told that a row is written before it is.
 */
export class GroupWriter<Row> {
  readonly #write: (rows: readonly Row[]) => Promise<unknown>
  #waiting: Waiting<Row>[] = []
  #isRunning = false

  /** `write` stores all of the rows or none. */
  constructor(write: (rows: readonly Row[]) => Promise<unknown>) {
    this.#write = write
  }

  /** Resolves when the row is stored. Rejects with what its own writing failed with, or `StoreOverloaded`. */
  add(row: Row): Promise<void> {
    if (this.#waiting.length >= maxWaiting) return Promise.reject(new StoreOverloaded(maxWaiting))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      // What else has arrived in this turn of the event loop comes along.
      await new Promise((resolve) => setImmediate(resolve))
      await this.#writeTogether(this.#waiting.splice(0, maxRowsTogether))
    }
    this.#isRunning = false
  }

  async #writeTogether(group: readonly Waiting<Row>[]): Promise<void> {
    try {
      await this.#write(group.map(({ row }) => row))
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1 || isStoreUnavailable(error)) for (const { reject } of group) reject(error)
      // One bad row, such as that of a client that was just deleted, must not take the others along.
      else for (const one of group) await this.#writeTogether([one])
    }
  }
}
