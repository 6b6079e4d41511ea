import type { Quota } from '../../common/quota.ts'

/** What a subject may still do in its window, as the ledger says it on one request. */
export interface Allowance {
  readonly isAdmitted: boolean
  readonly limit: number
  /** Requests left in the window; 0 when the request was refused. */
  readonly remaining: number
  /** End of the window, in whole seconds since the epoch, rounded up: constant within a window. */
  readonly resetAtS: number
  /** Whole seconds until then; at least 1. */
  readonly retryAfterS: number
}

/**
 * Counts requests by subject in fixed windows. A window is anchored at the subject's first request in it and as long as
 * the quota says; over it, no more requests are admitted than the limit. One subject has one window length: see
 * `countedQuota`.
 */
export interface Ledger {
  /**
   * Counts one request, if the quota has room for it. Synchronous when what is left is known here, a promise where
   * somebody must be asked. Throws or rejects with a `GatewayError` when the request cannot be counted.
   */
  take(subject: string, quota: Quota): Allowance | Promise<Allowance>
  /** What is left, without counting. */
  peek(subject: string, quota: Quota): Allowance
}

/** The header fields by which a client learns what is left of its quota, as the original platform named them. */
export function rateLimitFields(allowance: Allowance): readonly string[] {
  return [
    'X-Rate-Limit-Limit',
    String(allowance.limit),
    'X-Rate-Limit-Remaining',
    String(allowance.remaining),
    'X-Rate-Limit-Reset',
    String(allowance.resetAtS),
  ]
}

/** The names of those fields in lower case: a backend's own are left out in favour of the gateway's. */
export const rateLimitFieldNames: ReadonlySet<string> = new Set([
  'x-rate-limit-limit',
  'x-rate-limit-remaining',
  'x-rate-limit-reset',
])
