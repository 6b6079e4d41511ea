import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from '../../common/log.ts'
import { deleteExpiredRows } from '../store/expired-rows.ts'
import type { Database } from '../store/tables.ts'

const sweepIntervalMs = 60_000
const sweepBatchSize = 200

/** What the sweeper works with. */
export interface SweeperServices {
  readonly db: Database
  readonly now: () => number
  readonly log: Logger
}

/** Removes expired tokens from the store, now and then and in small batches. */
export class ExpiredTokenSweeper {
  readonly #services: SweeperServices
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(services: SweeperServices) {
    this.#services = services
  }

  /** Sweeps every minute from now on; it never keeps the process alive. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(() => this.sweep())
    }, sweepIntervalMs).unref()
  }

  /** Stops, and waits for the batch under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#running
  }

  /** Removes everything that has expired. A failure is logged: the next sweep tries again. */
  async sweep(): Promise<void> {
    const { db, now, log } = this.#services
    try {
      while (!this.#isStopped && (await deleteExpiredRows(db, now(), sweepBatchSize)) > 0) await nextTurn()
    } catch (error) {
      log.warn(
        { reason: error instanceof Error ? error.message : 'unknown' },
        'expired tokens were not removed',
      )
    }
  }
}
