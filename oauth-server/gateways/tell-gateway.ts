import { type Dispatcher, request } from 'undici'
import type { GatewayTarget } from '../config/gateway-options.ts'
import type { PushedRevocation } from '../store/revocation-outbox.ts'

/**
 * What became of telling a gateway: `told`; `unavailable`, when it may be told later; `misconfigured`, when it takes nothing
 * until somebody sets something right; `refused`, when it is this one revocation that it does not take.
 */
export type PushOutcome = 'told' | 'unavailable' | 'misconfigured' | 'refused'

/** Reasons name neither a token nor a secret. */
export interface PushResult {
  readonly outcome: PushOutcome
  readonly reason: string
}

/** Above what a gateway needs when its store hangs, and short enough that others are not kept waiting. */
const timeoutMs = 2_000

/** An answer's body says nothing that the status does not; a little of it is read, to keep the connection. */
const maxBodyBytes = 4_096

/** Tells a gateway of a revocation, by `POST /revocations`. Never rejects. */
export async function tellGateway(
  { url, secret }: GatewayTarget,
  push: PushedRevocation,
  dispatcher: Dispatcher,
): Promise<PushResult> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await request(url, {
      dispatcher,
      signal,
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: toBody(push),
    })
    await answer.body.dump({ limit: maxBodyBytes, signal }).catch(() => undefined)
    return resultOf(answer.statusCode)
  } catch (error) {
    return { outcome: 'unavailable', reason: reasonOf(error) }
  }
}

function toBody({ kind, target, effect, tokenExpiresAt }: PushedRevocation): string {
  switch (kind) {
    case 'token': {
      const end = tokenExpiresAt === null ? {} : { expires_at: Math.ceil(tokenExpiresAt / 1_000) }
      return JSON.stringify({ token_hash: target, ...end, effect })
    }
    case 'all':
      return JSON.stringify({ all: true, effect })
    default:
      return JSON.stringify({ [kind]: target, effect })
  }
}

/** Statuses by which a gateway refuses what it was sent, rather than the sender or the place. */
const refusedBodies = new Set([400, 413, 415, 422])

function resultOf(status: number): PushResult {
  const reason = `it answered ${status}`
  if (status === 204) return { outcome: 'told', reason }
  if (status >= 500 || status === 408 || status === 429) return { outcome: 'unavailable', reason }
  if (refusedBodies.has(status)) return { outcome: 'refused', reason }
  return { outcome: 'misconfigured', reason: `${reason} where a gateway answers 204` }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return `it did not answer within ${timeoutMs} ms`
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
