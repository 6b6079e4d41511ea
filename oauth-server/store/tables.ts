import type { Kysely } from 'kysely'

/**
 * The tables as Kysely sees them. Lists are space-separated texts; times are milliseconds since the epoch; a switch is 0
 * or 1.
 */
export interface Tables {
  readonly clients: ClientRow
  readonly client_secrets: ClientSecretRow
  readonly client_assertions: ClientAssertionRow
  readonly client_roles: ClientRoleRow
  readonly roles: RoleRow
  readonly plans: PlanRow
  readonly users: UserRow
  readonly token_families: TokenFamilyRow
  readonly access_tokens: AccessTokenRow
  readonly refresh_tokens: RefreshTokenRow
  readonly authorization_codes: AuthorizationCodeRow
  readonly sessions: SessionRow
  readonly consents: ConsentRow
  readonly audit_entries: AuditEntryRow
  readonly gateways: GatewayRow
  readonly revocation_pushes: RevocationPushRow
  readonly signing_keys: SigningKeyRow
  readonly resources: ResourceRow
}

/** A connection to the store, or a transaction on it. */
export type Database = Kysely<Tables>

interface ClientRow {
  id: string
  name: string
  /** The name in lower case, which it is searched by. */
  name_key: string
  roles: string
  scopes: string
  grant_types: string
  /** Whose quota counts instead of the client's own, and whose roles come to its own. */
  plan_id: string | null
  rate_limit: number
  rate_limit_window_ms: number
  auth_method: string
  /** Public keys as a JWK Set. */
  jwks: string | null
  redirect_uris: string
  /** The resources (RFC 8707) that its tokens may be for. */
  audiences: string
  token_format: string
  /** Where it differs from the server's. */
  access_token_lifetime_ms: number | null
  refresh_token_lifetime_ms: number | null
  skips_consent: number
  allows_get_token: number
  created_at: number
  updated_at: number
  disabled_at: number | null
  /** Whether it can administer by itself: it has the scope `admin` and the grant `client_credentials`. */
  is_admin: number
}

/** The roles of `clients` once more, to find clients by. */
interface ClientRoleRow {
  role: string
  client_id: string
}

interface ClientSecretRow {
  id: string
  client_id: string
  hash: string
  last_four: string
  created_at: number
  expires_at: number | null
}

/** An assertion (RFC 7523) that was used, until it expires. */
interface ClientAssertionRow {
  client_id: string
  /** SHA-256 of its `jti`. */
  id_hash: string
  expires_at: number
}

interface RoleRow {
  name: string
  description: string
  created_at: number
}

interface PlanRow {
  id: string
  name: string
  roles: string
  rate_limit: number
  rate_limit_window_ms: number
  created_at: number
  updated_at: number
}

interface UserRow {
  /** The subject of its tokens. */
  id: string
  username: string
  /** The username in lower case, by which it is unique. */
  username_key: string
  display_name: string
  /** `null` where somebody else checks who it is. */
  password_hash: string | null
  entitlements: string
  created_at: number
  updated_at: number
  disabled_at: number | null
}

/** All tokens that descend from one grant by refreshing: what dies together when a refresh token is used twice. */
interface TokenFamilyRow {
  id: string
  client_id: string
  user_id: string | null
  audience: string
  expires_at: number
  /** When it ends however often it is refreshed. */
  ends_at: number
  revoked_at: number | null
}

interface AccessTokenRow {
  hash: string
  last_four: string
  client_id: string
  /** Only where a user has let the client in. */
  user_id: string | null
  /** Only where a refresh token was issued along with it. */
  family_id: string | null
  scope: string
  /** The resources (RFC 8707) that it is for; empty where it is for any. */
  audience: string
  /** The key that signed it; only where it is a JWT. */
  key_id: string | null
  issued_at: number
  expires_at: number
}

interface RefreshTokenRow {
  hash: string
  last_four: string
  client_id: string
  user_id: string | null
  family_id: string
  scope: string
  audience: string
  issued_at: number
  expires_at: number
  consumed_at: number | null
}

interface AuthorizationCodeRow {
  hash: string
  client_id: string
  user_id: string
  /** Only where the authorization request named it. */
  redirect_uri: string | null
  code_challenge: string
  scope: string
  audience: string
  /** Of the tokens that it is exchanged for. */
  family_id: string
  expires_at: number
  /** When the row may go: a used code is remembered as long as its tokens. */
  kept_until: number
  consumed_at: number | null
}

interface SessionRow {
  hash: string
  user_id: string
  started_at: number
  used_at: number
  expires_at: number
}

interface ConsentRow {
  user_id: string
  client_id: string
  audience: string
  scope: string
  granted_at: number
}

interface AuditEntryRow {
  id: string
  at: number
  /** A client id, a user id, or `cli:` and the name of the system's user. */
  actor: string
  address: string | null
  action: string
  /** What it was done to: `client:demo-abc`, `user:…`, `plan:…`, `role:…`, `key:…`. */
  target: string
  /** What changed, as JSON without secrets. */
  detail: string
}

interface SigningKeyRow {
  kid: string
  generation: number
  algorithm: string
  public_jwk: string
  /** Encrypted by a key that is not in the database. */
  private_jwe: string
  created_at: number
  signs_from: number
}

interface ResourceRow {
  uri: string
  name: string
  token_format: string
  access_token_lifetime_ms: number | null
  created_at: number
}

/** A gateway that a server tells of revocations. */
interface GatewayRow {
  /** Where it is told. */
  url: string
  /** When a server has last named it. */
  seen_at: number
}

/** What one gateway is still to be told. */
interface RevocationPushRow {
  id: string
  gateway: string
  kind: string
  /** An id; of a token its hash. */
  target: string
  effect: string
  token_expires_at: number | null
  created_at: number
  /** When it is to be tried, or was claimed until. */
  due_at: number
  attempts: number
  /** From then on it need not be told any more. */
  expires_at: number
}

/** Writes a list of texts without spaces into a column. */
export function joinList(items: readonly string[]): string {
  return items.join(' ')
}

/** Reads a column written by {@link joinList}. */
export function splitList(column: string): string[] {
  return column === '' ? [] : column.split(' ')
}

/** The items in order, each once: how lists of names are stored. */
export function sortedOnce(items: readonly string[]): string[] {
  return [...new Set(items)].sort()
}
