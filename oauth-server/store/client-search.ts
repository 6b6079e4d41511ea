import { sql } from 'kysely'
import {
  bytewise,
  endOfPrefix,
  type Key,
  type Page,
  type PageRequest,
  scanPage,
  timeIn,
} from './bounded-scan.ts'
import type { Client } from './client.ts'
import { selectClients, toClient } from './client-repository.ts'
import type { Database } from './tables.ts'

/** Which clients are wanted; what is left out excludes none. */
export interface ClientFilter {
  /** How its id begins. */
  readonly idPrefix?: string | undefined
  /** How its name begins, in capital or small letters. */
  readonly namePrefix?: string | undefined
  /** One of its own roles; those of its plan do not count. */
  readonly role?: string | undefined
  readonly planId?: string | undefined
  readonly isDisabled?: boolean | undefined
}

/**
 * One page of the clients that a filter lets through: oldest first, or in the order of ids or names where those are what
 * is looked for. One index leads; whatever else is asked for is looked at row by row, within the bounds of `scanPage`.
 */
export async function findClients(
  db: Database,
  filter: ClientFilter,
  request: PageRequest,
): Promise<Page<Client>> {
  const order = orderOf(filter)
  const isWanted = leftToCheck(filter, order)
  const page = await scanPage({
    ...request,
    read: async (after, count) =>
      (await select(db, filter, { after, count, order })).map((row) => ({
        nameKey: row.name_key,
        client: toClient(row),
      })),
    keyOf: (row) => keyOf(row, order),
    accepts: isWanted && (({ client }) => isWanted(client)),
  })
  return { ...page, items: page.items.map(({ client }) => client) }
}

/** The index that leads. */
type Order = 'name' | 'role' | 'plan' | 'disabled' | 'id' | 'created'

function orderOf(filter: ClientFilter): Order {
  if (filter.namePrefix !== undefined) return 'name'
  if (filter.role !== undefined) return 'role'
  if (filter.planId !== undefined) return 'plan'
  if (filter.isDisabled) return 'disabled'
  return filter.idPrefix === undefined ? 'created' : 'id'
}

function keyOf({ client, nameKey }: { client: Client; nameKey: string }, order: Order): Key {
  if (order === 'name') return [nameKey, client.id]
  return order === 'created' ? [client.createdAt, client.id] : [client.id]
}

/** What the leading index does not hold. */
function leftToCheck(filter: ClientFilter, order: Order): ((client: Client) => boolean) | undefined {
  const checks: ((client: Client) => boolean)[] = []
  const { idPrefix, role, planId, isDisabled } = filter
  if (order === 'name' && idPrefix !== undefined) checks.push(({ id }) => id.startsWith(idPrefix))
  if (order !== 'role' && role !== undefined) checks.push(({ roles }) => roles.includes(role))
  if (order !== 'plan' && planId !== undefined) checks.push((client) => client.planId === planId)
  if (order !== 'disabled' && isDisabled !== undefined)
    checks.push(({ disabledAt }) => (disabledAt !== null) === isDisabled)
  return checks.length === 0 ? undefined : (client) => checks.every((check) => check(client))
}

interface Step {
  readonly order: Order
  readonly after: Key | undefined
  readonly count: number
}

function select(db: Database, filter: ClientFilter, { order, after, count }: Step) {
  if (order === 'created') return selectByAge(db, after, count)
  if (order === 'name') return selectByName(db, filter.namePrefix ?? '', { after, count })
  const id = bytewise(db, order === 'role' ? 'member.client_id' : 'client.id')
  const { idPrefix, role, planId } = filter
  let query = selectClients(db)
  if (order === 'role' && role !== undefined)
    query = query
      .innerJoin('client_roles as member', 'member.client_id', 'client.id')
      .where('member.role', '=', role) as typeof query
  if (order === 'plan' && planId !== undefined) query = query.where('client.plan_id', '=', planId)
  if (order === 'disabled') query = query.where('client.disabled_at', 'is not', null)
  if (idPrefix !== undefined) query = query.where(id, '>=', idPrefix).where(id, '<', endOfPrefix(idPrefix))
  if (after !== undefined) query = query.where(id, '>', String(after[0]))
  return query.orderBy(id).limit(count).execute()
}

function selectByAge(db: Database, after: Key | undefined, count: number) {
  let query = selectClients(db)
  if (after !== undefined)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('client.created_at', 'client.id'), '>', tuple(timeIn(after), String(after[1]))),
    )
  return query.orderBy('client.created_at').orderBy('client.id').limit(count).execute()
}

function selectByName(db: Database, prefix: string, { after, count }: Omit<Step, 'order'>) {
  const key = prefix.toLowerCase()
  const [nameKey, id] = [bytewise(db, 'client.name_key'), bytewise(db, 'client.id')]
  let query = selectClients(db).where(nameKey, '>=', key).where(nameKey, '<', endOfPrefix(key))
  if (after !== undefined)
    query = query.where(sql<boolean>`(${nameKey}, ${id}) > (${String(after[0])}, ${String(after[1])})`)
  return query.orderBy(nameKey).orderBy(id).limit(count).execute()
}
