/**
 * What says that the database is away rather than that a query is wrong: the system's network errors, Postgres' classes
 * 08 (connection), 53 (resources), 57 (operator), 40 (serialization), and its client's own time limits.
 */
const unavailableCodes =
  /^(?:E(?:CONN\w+|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND)|(?:08|40|53|57)\w{3})$/

const clientTimeLimits = new Set([
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
])

/** SQLite's primary result codes SQLITE_BUSY and SQLITE_LOCKED. */
const sqliteBusyCodes = new Set([5, 6])

/** More rows wait to be written than the store can take in time. */
export class StoreOverloaded extends Error {
  constructor(maxWaiting: number) {
    super(`${maxWaiting} rows wait to be written already`)
    this.name = 'StoreOverloaded'
  }
}

/** Whether a failed query may succeed when it is tried again a little later. */
export function isStoreUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof StoreOverloaded) return true
  if ('errcode' in error && typeof error.errcode === 'number')
    return sqliteBusyCodes.has(error.errcode & 0xff)
  if ('code' in error && typeof error.code === 'string' && unavailableCodes.test(error.code)) return true
  return clientTimeLimits.has(error.message)
}
