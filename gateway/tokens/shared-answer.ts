import { type TokenMetadata, toMetadata } from './token-metadata.ts'

/** What the store holds of a token: what it means, and which marks had been heard when the provider was asked. */
export interface SharedAnswer {
  readonly metadata: TokenMetadata
  readonly marksUntilMs: number
}

/** The form of what is written; what has another is not understood. */
const version = 1

/** Largest answer that is written or read, in bytes. */
export const maxSharedBytes = 8 * 1_024

/** Writes an answer for the store; `undefined` when it is too large for it. Nothing of the token is in it. */
export function writeSharedAnswer({ metadata, marksUntilMs }: SharedAnswer): string | undefined {
  const { client, user, roles, scopes, ownPolicy, expiresAtMs, issuedAtMs } = metadata
  const rule = ownPolicy?.rule
  const text = JSON.stringify({
    v: version,
    c: client,
    u: user,
    r: roles,
    s: scopes,
    q: rule?.algorithm === 'fixed-window' ? [rule.limit, rule.windowMs] : undefined,
    e: expiresAtMs === Number.POSITIVE_INFINITY ? undefined : expiresAtMs,
    i: issuedAtMs,
    m: marksUntilMs,
  })
  return Buffer.byteLength(text) > maxSharedBytes ? undefined : text
}

/**
 * Reads what {@link writeSharedAnswer} has written, by the same rules as a provider's own answer: whoever can write to the
 * store may have written anything. `undefined` when it is something else.
 */
export function readSharedAnswer(text: string): SharedAnswer | undefined {
  if (Buffer.byteLength(text) > maxSharedBytes) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? toAnswer(value) : undefined
  } catch {
    return undefined
  }
}

function toAnswer(value: object): SharedAnswer | undefined {
  const { v, c, u, r, s, q, e, i, m } = value as Readonly<Record<string, unknown>>
  const isQuota = q === undefined || (Array.isArray(q) && q.length === 2 && typeof q[1] === 'number')
  const areTimes = isTime(m) && (e === undefined || isTime(e)) && (i === undefined || isTime(i))
  if (v !== version || !Array.isArray(r) || !Array.isArray(s) || !isQuota || !areTimes) return undefined
  const [limit, windowMs] = Array.isArray(q) ? q : []
  const metadata = toMetadata({
    client: c,
    user: u,
    roles: r,
    scope: s,
    limit,
    windowS: typeof windowMs === 'number' ? windowMs / 1_000 : undefined,
    expiresAtMs: typeof e === 'number' ? e : Number.POSITIVE_INFINITY,
    issuedAtMs: typeof i === 'number' ? i : undefined,
  })
  return { metadata, marksUntilMs: m }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
