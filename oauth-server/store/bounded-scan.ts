import { setImmediate as nextTurn } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { RuleBroken } from '../refused-changes.ts'
import { isSqlite } from './dialect.ts'
import type { Database } from './tables.ts'

/** Where in an order a row stands; what a cursor holds. */
export type Key = readonly (string | number)[]

/** The time that leads a key. Throws {@link RuleBroken} where a name does: Postgres refuses to compare one with times. */
export function timeIn([time]: Key): number {
  if (typeof time === 'number') return time
  throw new RuleBroken('cursor', 'the cursor', {
    value: JSON.stringify(time),
    rule: 'must be the next_cursor of the page before, of the same list and search',
  })
}

/** Some items of a list, and where the next ones begin; `undefined` at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: Key | undefined
}

/** Which part of a list is wanted. */
export interface PageRequest {
  /** Most items on the page; at least 1. */
  readonly limit: number
  /** The `next` of the page before. */
  readonly after: Key | undefined
}

/** How one list is read. */
export interface Scan<Row> extends PageRequest {
  /** The rows that follow this place in the list's order, `count` at most: by an index, never by looking at all. */
  readonly read: (after: Key | undefined, count: number) => Promise<readonly Row[]>
  readonly keyOf: (row: Row) => Key
  /** What no index holds; left out where every row belongs on the page. */
  readonly accepts?: ((row: Row) => boolean) | undefined
}

const rowsAtATime = 250
const maxRowsRead = 5_000

/**
 * Reads one page. Where rows are left out it reads on in small steps, letting others work in between, and stops after
 * 5,000 rows: such a page holds fewer items than asked for, at worst none, and still says where the next one begins.
 */
export async function scanPage<Row>(scan: Scan<Row>): Promise<Page<Row>> {
  const { limit, read, keyOf, accepts } = scan
  const count = accepts === undefined ? limit + 1 : rowsAtATime
  const items: Row[] = []
  let key = scan.after
  for (let seen = 0; seen < maxRowsRead; seen += count) {
    const rows = await read(key, count)
    for (const row of rows) {
      if (items.length === limit) return { items, next: key }
      key = keyOf(row)
      if (accepts?.(row) !== false) items.push(row)
    }
    if (rows.length < count) return { items, next: undefined }
    await nextTurn()
  }
  return { items, next: key }
}

/** A column in the order of its bytes, in which a prefix is a range, on either database. */
export function bytewise(db: Database, column: string): RawBuilder<string> {
  return isSqlite(db) ? sql`${sql.ref(column)}` : sql`${sql.ref(column)} collate "C"`
}

/** Comes after every text that begins with the prefix: the last of all code points is in no name. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`
}
