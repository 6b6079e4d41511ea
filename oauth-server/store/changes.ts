import { type Actor, type AuditEntry, AuditRepository } from './audit-repository.ts'
import { type Affected, type Effect, RevocationOutbox, type Subject } from './revocation-outbox.ts'
import type { Database } from './tables.ts'

export type { Affected, Effect, Subject }

/** A change under way: one transaction, in which everything that belongs to it is noted. */
export interface Change {
  /** The transaction. */
  readonly db: Database
  readonly now: number
  /** Writes the audit trail: who did this is known. */
  audit(entry: AuditEntry): Promise<void>
  /** Notes whom the change concerns: the gateways are told of it once it is made. */
  affects(subject: Subject, effect: Effect): void
}

/** Hears whom a change concerned, once it is made: what the gateways are to be told of it is in the database by then. */
export type ChangeListener = (affected: readonly Affected[]) => void

/**
 * Where changes by admins, by the command line and by users are made: each is one transaction with its audit entries and
 * with what the gateways are to be told of it.
 */
export class Changes {
  readonly #db: Database
  readonly #now: () => number
  readonly #listener: ChangeListener | undefined

  constructor(db: Database, now: () => number, listener?: ChangeListener) {
    this.#db = db
    this.#now = now
    this.#listener = listener
  }

  /** Makes a change; when `work` throws, nothing has happened, nothing is in the audit trail, and nobody is told. */
  async make<T>(actor: Actor, work: (change: Change) => Promise<T>): Promise<T> {
    const now = this.#now()
    const affected: Affected[] = []
    const result = await this.#db.transaction().execute(async (db) => {
      const trail = new AuditRepository(db)
      const done = await work({
        db,
        now,
        audit: (entry) => trail.append(actor, entry, now),
        affects: (subject, effect) => void affected.push({ subject, effect }),
      })
      await new RevocationOutbox(db).add(affected, now)
      return done
    })
    if (affected.length > 0) this.#listener?.(affected)
    return result
  }
}
