import type { Exchange } from '../exchange.ts'
import { type LimitPolicy, sizeOf } from '../limit-policy.ts'
import type { Allowance } from '../throttle/ledger.ts'
import { windowInS } from '../throttle/rate-limit-fields.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { TokenMetadata } from '../tokens/token-metadata.ts'
import type { InquiryMatch } from './match-inquiry.ts'

/** What it takes to answer somebody who asks about themselves. */
interface Inquiry {
  readonly throttle: Throttle
  readonly exchange: Exchange
  readonly match: InquiryMatch
}

/** Tells a token's holder what the gateway knows of it, and what is left of its quota. It is not counted. */
export async function tellCaller(
  { throttle, exchange, match }: Inquiry,
  metadata: TokenMetadata,
): Promise<void> {
  const policies = enforcedPolicies(match, exchange, metadata)
  const allowances = policies.length === 0 ? [] : (await throttle.read(policies)).allowances
  const { response, requestId } = exchange
  if (response.destroyed) return
  const body = JSON.stringify({
    client: metadata.client,
    user: metadata.user,
    roles: metadata.roles,
    scopes: metadata.scopes,
    expires_at: dateTimeOf(metadata.expiresAtMs),
    quota: allowances.map(describe),
  })
  response.writeHead(200, [
    ...['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))],
    ...['Cache-Control', 'no-store', 'X-Request-Id', requestId],
  ])
  response.end(body)
}

/** The client's own quota and, where a route is asked about, what that route limits. */
function enforcedPolicies(
  { about }: InquiryMatch,
  exchange: Exchange,
  metadata: TokenMetadata,
): readonly LimitPolicy[] {
  const { ownPolicy } = metadata
  if (about === undefined) return ownPolicy === undefined ? [] : [ownPolicy]
  const policies = about.charges.of(metadata, exchange.clientAddress)?.policies ?? []
  return policies.filter(({ isShadow }) => !isShadow)
}

/** One policy, in the words of the header fields; `reset` is in seconds since the epoch. */
function describe({ policy, remaining, resetAtS }: Allowance): Readonly<Record<string, unknown>> {
  return {
    policy: policy.name,
    limit: sizeOf(policy.rule),
    window: windowInS(policy.rule),
    remaining,
    reset: resetAtS,
  }
}

/** The latest time that a date can hold (ECMA-262 §21.4.1.1). */
const maxTimeMs = 8_640_000_000_000_000

/** RFC 3339; `null` for a token that does not expire. */
function dateTimeOf(timeMs: number): string | null {
  return timeMs > maxTimeMs ? null : new Date(timeMs).toISOString()
}
