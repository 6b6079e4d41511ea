import { randomBytes } from 'node:crypto'
import { type Administration, createAdministration } from '../oauth-server/admin/services.ts'
import type { Page, PageRequest } from '../oauth-server/store/bounded-scan.ts'
import { type StoreOptions, settingsOf, withExistingStore } from './store-options.ts'

/** Administers the database that the options name, through what the admin API works by; the server may run meanwhile. */
export function administer<T>(
  options: StoreOptions,
  work: (administration: Administration) => Promise<T>,
): Promise<T> {
  return withExistingStore(settingsOf(options), (db) =>
    work(createAdministration(db, { now: Date.now, random: randomBytes })),
  )
}

const pageSize = 200

/** A whole list, read page by page. */
export async function* everyItem<Item>(
  read: (request: PageRequest) => Promise<Page<Item>>,
): AsyncGenerator<Item> {
  for (let after: PageRequest['after']; ; ) {
    const page = await read({ limit: pageSize, after })
    yield* page.items
    if (page.next === undefined) return
    after = page.next
  }
}

/** How the items of a list are printed. */
export interface ListPrinting<Item> {
  readonly toJson: (item: Item) => unknown
  /** One line, its parts separated by tabs. */
  readonly toLine: (item: Item) => string
}

/** Prints a list as it is read: a line an item, or one JSON array. */
export async function printList<Item>(
  items: AsyncIterable<Item>,
  { json }: StoreOptions,
  { toJson, toLine }: ListPrinting<Item>,
): Promise<void> {
  if (!json) {
    for await (const item of items) console.log(toLine(item))
    return
  }
  let separator = '['
  for await (const item of items) {
    process.stdout.write(`${separator}\n${JSON.stringify(toJson(item))}`)
    separator = ','
  }
  console.log(separator === '[' ? '[]' : '\n]')
}

/** The items of an option's list. */
export function splitCommas(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}

/** Lines of a name and a value each, the values below each other. */
export function toLines(members: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(members)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)}${value}`]))
    .join('\n')
}
