import type { Quota } from '../common/quota.ts'

/** What is counted on a request: a quota, under the name of whom it belongs to. */
export interface CountedQuota {
  readonly subject: string
  readonly quota: Quota
}

/**
 * A client's quota, for everything that it calls or on one route. The window's length is part of the subject, so that two
 * tokens that carry an old and a new window do not reset each other's; only the last part can hold a space, so that no
 * two subjects share a name.
 */
export function countedQuota(client: string, quota: Quota, routePrefix = '*'): CountedQuota {
  return { subject: `${quota.windowMs} ${routePrefix} ${client}`, quota }
}
