import { randomUUID } from 'node:crypto'
import { type Page, type PageRequest, scanPage, timeIn } from './bounded-scan.ts'
import type { Database } from './tables.ts'

/** Who makes a change. */
export interface Actor {
  /** A client id, a user id, or `cli:` and the name of the system's user. */
  readonly id: string
  /** The address that the request came from; `null` on the command line. */
  readonly address: string | null
}

/** What is written down of a change. */
export interface AuditEntry {
  /** Such as `client.created` or `secret.revoked`. */
  readonly action: string
  /** What it was done to, such as `client:demo-x7k2m9qa`. */
  readonly target: string
  /** What changed; never a secret, a token or a hash of one. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** An entry of the trail as it is read again. */
export interface StoredAuditEntry extends Required<AuditEntry> {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly actor: string
  readonly address: string | null
}

/** Which entries are wanted; what is left out excludes none. Times are milliseconds since the epoch. */
export interface AuditSearch {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** From then on. */
  readonly since?: number | undefined
  /** Before then. */
  readonly until?: number | undefined
}

/** The audit trail: the database itself refuses to change or delete an entry. */
export class AuditRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async append(actor: Actor, entry: AuditEntry, now: number): Promise<void> {
    await this.#db
      .insertInto('audit_entries')
      .values({
        id: randomUUID(),
        at: now,
        actor: actor.id,
        address: actor.address,
        action: entry.action,
        target: entry.target,
        detail: JSON.stringify(entry.detail ?? {}),
      })
      .execute()
  }

  /** Entries from the newest back: by the index of the one thing that tells most, and the others looked at row by row. */
  async page(search: AuditSearch, request: PageRequest): Promise<Page<StoredAuditEntry>> {
    const by = (['target', 'actor', 'action'] as const).find((column) => search[column] !== undefined)
    const others = (['actor', 'action'] as const).filter((column) => column !== by && search[column])
    const page = await scanPage({
      ...request,
      read: (after, count) => {
        let query = this.#db.selectFrom('audit_entries').selectAll()
        if (by !== undefined) query = query.where(by, '=', search[by] ?? '')
        if (search.since !== undefined) query = query.where('at', '>=', search.since)
        if (search.until !== undefined) query = query.where('at', '<', search.until)
        if (after !== undefined)
          query = query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('at', 'id'), '<', tuple(timeIn(after), String(after[1]))),
          )
        return query.orderBy('at', 'desc').orderBy('id', 'desc').limit(count).execute()
      },
      keyOf: ({ at, id }) => [at, id],
      accepts:
        others.length === 0 ? undefined : (row) => others.every((column) => row[column] === search[column]),
    })
    return { ...page, items: page.items.map((row) => ({ ...row, detail: JSON.parse(row.detail) })) }
  }
}
