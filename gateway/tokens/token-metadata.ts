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
  /** The roles as the backend gets them: sorted, separated by commas. */
  readonly rolesField: string
  /** The scopes as the backend gets them: separated by spaces. */
  readonly scopeField: string
}

/** What a provider's answer claims, before it is checked. */
interface Claims {
  readonly client: unknown
  readonly roles: unknown
  readonly scope: unknown
  readonly limit: unknown
  readonly windowS: unknown
  readonly expiresAtMs: number
}

/** The window of a quota for which the provider names none: the original platform counted by the hour. */
const defaultWindowS = 3_600

const clientPattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/
const maxEntries = 100

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
 * the provider sends them, `scope` and `rateLimitWindow` in seconds. Throws {@link MalformedAnswer}.
 */
export function readVerifTokenAnswer(answer: unknown, nowMs: number): TokenMetadata {
  const { client, roles, scope, rateLimit, rateLimitWindow, expires } = asRecord(answer)
  const lifetimeS = readLifetime('expires', expires)
  return toMetadata({
    client,
    roles,
    scope,
    limit: rateLimit,
    windowS: rateLimitWindow ?? defaultWindowS,
    expiresAtMs: lifetimeS === undefined ? Number.POSITIVE_INFINITY : nowMs + lifetimeS * 1_000,
  })
}

/**
 * Reads an introspection answer (RFC 7662 §2.2) with the members `roles`, `rate_limit` and `rate_limit_window` besides
 * the RFC's; `undefined` when the token is not active. Throws {@link MalformedAnswer}.
 */
export function readIntrospectionAnswer(answer: unknown): TokenMetadata | undefined {
  const { active, client_id, roles, scope, rate_limit, rate_limit_window, exp } = asRecord(answer)
  if (typeof active !== 'boolean') throw new MalformedAnswer('active', 'must be true or false')
  if (!active) return undefined
  const expiresAtS = readLifetime('exp', exp)
  return toMetadata({
    client: client_id,
    roles,
    scope,
    limit: rate_limit,
    windowS: rate_limit_window ?? defaultWindowS,
    expiresAtMs: expiresAtS === undefined ? Number.POSITIVE_INFINITY : expiresAtS * 1_000,
  })
}

function toMetadata(claims: Claims): TokenMetadata {
  const { client } = claims
  if (typeof client !== 'string' || !clientPattern.test(client)) {
    throw new MalformedAnswer('the client', 'must be a string of 1 to 128 printable ASCII characters')
  }
  const roles = readList('roles', claims.roles, { separator: ',', accepts: isRole }).toSorted()
  const scopes = readList('scope', claims.scope, { separator: ' ', accepts: isScopeToken })
  const quota = readQuota(claims)
  return {
    client,
    roles,
    scopes,
    ownPolicy: quota === undefined ? undefined : ownPolicyOf(client, quota),
    user: undefined,
    expiresAtMs: claims.expiresAtMs,
    rolesField: roles.join(','),
    scopeField: scopes.join(' '),
  }
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

function readLifetime(member: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new MalformedAnswer(member, 'must be a number')
  return value
}

function asRecord(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new MalformedAnswer('the body', 'must be a JSON object')
  }
  return answer as Readonly<Record<string, unknown>>
}
