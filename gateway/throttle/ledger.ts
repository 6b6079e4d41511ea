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
 * {@link countedQuota}.
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

/** What is counted on a request: whose quota, under which name in the ledger. */
export interface CountedQuota {
  readonly subject: string
  readonly quota: Quota
}

interface ClientWithQuota {
  readonly client: string
  /** The quota that the identity provider names for the client. */
  readonly quota: Quota | undefined
}

interface LimitedRoute {
  readonly prefix: string
  /** The quota of each client on this route, for clients without one of their own. */
  readonly limit: Quota | undefined
}

/**
 * The quota that counts a client's request on a route: the client's own, which all its tokens and all routes share, else
 * the route's; `undefined` when neither has one. The window's length is part of the subject, so that two tokens that
 * carry an old and a new window do not reset each other's; only the last part can hold a space, so that no two subjects
 * share a name.
 */
export function countedQuota(
  { client, quota }: ClientWithQuota,
  route: LimitedRoute,
): CountedQuota | undefined {
  if (quota !== undefined) return { subject: `${quota.windowMs} * ${client}`, quota }
  if (route.limit === undefined) return undefined
  return { subject: `${route.limit.windowMs} ${route.prefix} ${client}`, quota: route.limit }
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
