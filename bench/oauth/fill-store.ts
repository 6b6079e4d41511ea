import { closeSync, fsyncSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'
import { hashCredential } from '../../oauth-server/credentials.ts'
import type { Credentials } from './servers.ts'

/** How much is in a store. */
export interface StoreSize {
  readonly clients: number
  readonly tokens: number
}

/** The client of a number; its secret follows from it, so that none has to be kept. */
export function clientOf(number: number): Credentials {
  return { id: `filled-${number}`, secret: `psk_${String(number).padStart(43, '0')}` }
}

/** The token of a number. */
export function tokenOf(number: number): string {
  return `pat_${String(number).padStart(43, '0')}`
}

/** Rows between which a signal to the bench is heard. */
const rowsTogether = 100_000

const lifetimeMs = 24 * 3_600_000

/**
 * Puts clients and live tokens into a file with its tables, each token of another client in turn. Only while it does,
 * nothing waits for the disk, and nothing could be undone; the server that opens the file sets both back.
 */
export async function fillSqlite(file: string, { clients, tokens }: StoreSize): Promise<void> {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -4000000')
  const issuedAt = Date.now()
  await insert(database, clients, {
    into: `insert into clients (id, name, name_key, roles, scopes, grant_types, rate_limit, rate_limit_window_ms,
      created_at, updated_at) values (?, ?, ?, 'PARTNER USER', 'user', 'client_credentials', 1000, 3600000, ?, ?)`,
    row: (number) => {
      const name = `Filled ${number}`
      return [clientOf(number).id, name, name.toLowerCase(), issuedAt, issuedAt]
    },
  })
  await insert(database, clients, {
    into: `insert into client_secrets (id, client_id, hash, last_four, created_at) values (?, ?, ?, '0000', ?)`,
    row: (number) => {
      const { id, secret } = clientOf(number)
      return [id, id, hashCredential(secret), issuedAt]
    },
  })
  await insert(database, tokens, {
    into: `insert into access_tokens (hash, last_four, client_id, scope, issued_at, expires_at)
      values (?, '0000', ?, 'user', ?, ?)`,
    row: (number) => {
      const client = clientOf(number % clients).id
      return [hashCredential(tokenOf(number)), client, issuedAt + number, issuedAt + number + lifetimeMs]
    },
  })
  database.close()
  // Else the system would still be writing it while it is measured.
  syncFile(file)
}

/** The same in a Postgres, which makes the rows itself. */
export async function fillPostgres(url: string, { clients, tokens }: StoreSize): Promise<void> {
  const issuedAt = Date.now()
  const database = new pg.Client({ connectionString: url })
  await database.connect()
  try {
    await database.query(
      `insert into clients (id, name, name_key, roles, scopes, grant_types, rate_limit, rate_limit_window_ms,
        created_at, updated_at)
        select 'filled-' || n, 'Filled ' || n, 'filled ' || n, 'PARTNER USER', 'user', 'client_credentials', 1000, 3600000,
          ${issuedAt}, ${issuedAt} from generate_series(0, ${clients - 1}) as n`,
    )
    await database.query(
      `insert into client_secrets (id, client_id, hash, last_four, created_at)
        select 'filled-' || n, 'filled-' || n, ${hashOf('psk_')}, '0000', ${issuedAt}
          from generate_series(0, ${clients - 1}) as n`,
    )
    await database.query(
      `insert into access_tokens (hash, last_four, client_id, scope, issued_at, expires_at)
        select ${hashOf('pat_')}, '0000', 'filled-' || n % ${clients}, 'user', ${issuedAt} + n, ${issuedAt + lifetimeMs} + n
          from generate_series(0, ${tokens - 1}) as n`,
    )
    // Else the first to read a row would write it again, and Postgres would guess how many there are.
    await database.query('vacuum analyze')
    await database.query('checkpoint')
  } finally {
    await database.end()
  }
}

/** In Postgres, the hash of the secret or token of number n, as {@link clientOf} and {@link tokenOf} make it. */
function hashOf(prefix: string): string {
  return `encode(sha256(convert_to('${prefix}' || lpad(n::text, 43, '0'), 'UTF8')), 'hex')`
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

interface Filling {
  readonly into: string
  readonly row: (number: number) => readonly (string | number)[]
}

async function insert(database: DatabaseSync, count: number, { into, row }: Filling): Promise<void> {
  const statement = database.prepare(into)
  // One transaction with all pages in memory: in smaller ones each would write most of the indexes anew.
  database.exec('begin')
  for (let next = 0; next < count; ) {
    const end = Math.min(count, next + rowsTogether)
    for (; next < end; next += 1) statement.run(...row(next))
    await nextTurn()
  }
  database.exec('commit')
}
