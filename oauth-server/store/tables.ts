import type { Kysely } from 'kysely'

/** The tables as Kysely sees them. Lists are space-separated texts; times are milliseconds since the epoch. */
export interface Tables {
  readonly clients: ClientRow
  readonly token_families: TokenFamilyRow
  readonly access_tokens: AccessTokenRow
  readonly refresh_tokens: RefreshTokenRow
}

/** A connection to the store, or a transaction on it. */
export type Database = Kysely<Tables>

interface ClientRow {
  id: string
  name: string
  secret_hash: string
  roles: string
  scopes: string
  grant_types: string
  rate_limit: number
  rate_limit_window_ms: number
  created_at: number
  disabled_at: number | null
}

/** All tokens that descend from one grant by refreshing: what dies together when a refresh token is used twice. */
interface TokenFamilyRow {
  id: string
  client_id: string
  expires_at: number
  revoked_at: number | null
}

interface AccessTokenRow {
  hash: string
  last_four: string
  client_id: string
  /** Only where a refresh token was issued along with it. */
  family_id: string | null
  scope: string
  issued_at: number
  expires_at: number
}

interface RefreshTokenRow {
  hash: string
  last_four: string
  client_id: string
  family_id: string
  scope: string
  issued_at: number
  expires_at: number
  consumed_at: number | null
}

/** Writes a list of texts without spaces into a column. */
export function joinList(items: readonly string[]): string {
  return items.join(' ')
}

/** Reads a column written by {@link joinList}. */
export function splitList(column: string): string[] {
  return column === '' ? [] : column.split(' ')
}
