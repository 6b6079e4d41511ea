import { isQuota, type Quota } from '../../common/quota.ts'
import { isRole } from '../../common/role.ts'
import { isScopeToken } from '../../common/scope-token.ts'
import { fixedWindow, type LimitPolicy, limitPolicy } from '../limit-policy.ts'

/** What the identity provider says of an access token, checked once and rendered once, when it is cached. */
export interface TokenMetadata {
  readonly client: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The client's quota, which all its tokens and all routes share; `undefined` when the provider names none. */
  readonly ownPolicy: LimitPolicy | undefined
  /** Whom the token acts for; `undefined` when it acts for its client. */
  readonly user: string | undefined
  /** When the token expires, in milliseconds since the epoch; `Infinity` when the provider does not say. */
  readonly expiresAtMs: number
  /** When the token was issued, in milliseconds since the epoch; `undefined` when the provider does not say. */
  readonly issuedAtMs: number | undefined
  /** The roles as the backend gets them: sorted, separated by commas. */
  readonly rolesField: string
  /** The scopes as the backend gets them: separated by spaces. */
  readonly scopeField: string
}

/** What a provider’s answer claims, before it is checked. */
export interface Claims {
  readonly client: unknown
  readonly user: unknown
  readonly roles: unknown
  readonly scope: unknown
  readonly limit: unknown
  readonly windowS: unknown
  readonly expiresAtMs: number
  readonly issuedAtMs: number | undefined
}

/** The window of a quota for which the provider names none: the original platform counted by the hour. */
const defaultWindowS = 3_600

const clientPattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/
/** Longer than a client may be: subjects have up to 255 characters (OpenID Connect Core §2). */
const userPattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/
const maxEntries = 100
/** The last second of which a date can be made. */
const maxTimeS = 8_640_000_000_000

/** An answer of an identity provider that says something impossible; the message names the member, never the value. */
export class MalformedAnswer extends Error {
  constructor(member: string, rule: string) {
    super(`the identity provider's answer is malformed: ${member} ${rule}`)
    this.name = 'MalformedAnswer'
  }
}

/**
 * Reads the answer of the original platform's sub-request:
 * `{"client": "Tracks", "rateLimit": 1000, "expires": 3600, "roles": "USER"}`, `expires` in seconds from now; and, where
 * the provider sends them, `user`, `scope` and `rateLimitWindow` in seconds. Throws {@link MalformedAnswer}.
 */
export function readVerifTokenAnswer(answer: unknown, nowMs: number): TokenMetadata {
  const { client, user, roles, scope, rateLimit, rateLimitWindow, expires } = asRecord(answer)
  const lifetimeS = readSeconds('expires', expires)
  return toMetadata({
    client,
    user,
    roles,
    scope,
    limit: rateLimit,
    windowS: rateLimitWindow ?? defaultWindowS,
    expiresAtMs: lifetimeS === undefined ? Number.POSITIVE_INFINITY : nowMs + lifetimeS * 1_000,
    issuedAtMs: undefined,
  })
}

/**
 * Reads an introspection answer (RFC 7662 §2.2) with the members `roles`, `rate_limit` and `rate_limit_window` besides
 * the RFC's; `undefined` when the token is not active. Throws {@link MalformedAnswer}.
 */
export function readIntrospectionAnswer(answer: unknown): TokenMetadata | undefined {
  const claims = asRecord(answer)
  if (typeof claims.active !== 'boolean') throw new MalformedAnswer('active', 'must be true or false')
  return claims.active ? readClaims(claims) : undefined
}

/**
 * Reads the claims of a JWT access token (RFC 9068 §2.2) whose signature, issuer and audience are right, with the members
 * of our own that introspection has too. Throws {@link MalformedAnswer}, also where the token names no subject or no end.
 */
export function readAccessTokenClaims(claims: unknown): TokenMetadata {
  const record = asRecord(claims)
  if (typeof record.sub !== 'string') throw new MalformedAnswer('sub', 'must be a string')
  const metadata = readClaims(record)
  if (metadata.expiresAtMs === Number.POSITIVE_INFINITY) throw new MalformedAnswer('exp', 'must be there')
  return metadata
}

/** Whether only who proves to hold a key may use the token (RFC 7800 §3, RFC 8705 §3, RFC 9449 §6). */
export function isBoundToKey(claims: unknown): boolean {
  const { cnf } = asRecord(claims)
  return cnf !== undefined && cnf !== null
}

/** A token that a client got for itself has the client as its subject (RFC 9068 §2.2): it acts for no user. */
function readClaims(claims: Readonly<Record<string, unknown>>): TokenMetadata {
  const { client_id, sub, roles, scope, rate_limit, rate_limit_window, exp, iat } = claims
  const expiresAtS = readSeconds('exp', exp)
  const issuedAtS = readSeconds('iat', iat)
  return toMetadata({
    client: client_id,
    user: sub === client_id ? undefined : sub,
    roles,
    scope,
    limit: rate_limit,
    windowS: rate_limit_window ?? defaultWindowS,
    expiresAtMs: expiresAtS === undefined ? Number.POSITIVE_INFINITY : expiresAtS * 1_000,
    issuedAtMs: issuedAtS === undefined ? undefined : issuedAtS * 1_000,
  })
}

export function toMetadata(claims: Claims): TokenMetadata {
  const { client } = claims
  if (typeof client !== 'string' || !clientPattern.test(client)) {
    throw new MalformedAnswer('the client', 'must be a string of 1 to 128 printable ASCII characters')
  }
  const user = readUser(claims.user)
  const roles = readList('roles', claims.roles, { separator: ',', accepts: isRole }).toSorted()
  const scopes = readList('scope', claims.scope, { separator: ' ', accepts: isScopeToken })
  const quota = readQuota(claims)
  return {
    client,
    roles,
    scopes,
    ownPolicy: quota === undefined ? undefined : ownPolicyOf(client, quota),
    user,
    expiresAtMs: claims.expiresAtMs,
    issuedAtMs: claims.issuedAtMs,
    rolesField: roles.join(','),
    scopeField: scopes.join(' '),
  }
}

function readUser(user: unknown): string | undefined {
  if (user === undefined || user === null) return undefined
  if (typeof user !== 'string' || !userPattern.test(user))
    throw new MalformedAnswer('the user', 'must be a string of 1 to 255 printable ASCII characters')
  return user
}

function ownPolicyOf(client: string, quota: Quota): LimitPolicy {
  return limitPolicy({ kind: 'client', id: client }, fixedWindow(quota), { name: 'client', isShadow: false })
}

function readList(
  member: string,
  value: unknown,
  { separator, accepts }: { separator: string; accepts: (entry: string) => boolean },
): string[] {
  const entries: unknown[] =
    typeof value === 'string' ? split(value, separator) : Array.isArray(value) ? value : []
  const isList = value === undefined || value === null || typeof value === 'string' || Array.isArray(value)
  if (!isList || entries.length > maxEntries) {
    throw new MalformedAnswer(member, `must be a string or an array of at most ${maxEntries} entries`)
  }
  const isEntry = (entry: unknown): entry is string => typeof entry === 'string' && accepts(entry)
  if (!entries.every(isEntry))
    throw new MalformedAnswer(member, 'has an entry with a character that is not allowed')
  return [...new Set(entries)]
}

function split(list: string, separator: string): string[] {
  return list.split(separator).flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]))
}

function readQuota({ limit, windowS }: Claims): Quota | undefined {
  if (limit === undefined || limit === null) return undefined
  const windowMs = typeof windowS === 'number' ? windowS * 1_000 : Number.NaN
  if (typeof limit !== 'number' || !isQuota(limit, windowMs)) {
    throw new MalformedAnswer(
      'the rate limit',
      'must be a positive whole number, in a window of 1 second to 366 days',
    )
  }
  return { limit, windowMs }
}

function readSeconds(member: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !(Math.abs(value) <= maxTimeS))
    throw new MalformedAnswer(member, 'must be a number of seconds')
  return value
}

function asRecord(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new MalformedAnswer('the body', 'must be a JSON object')
  }
  return answer as Readonly<Record<string, unknown>>
}
