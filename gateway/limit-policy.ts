import type { Quota } from '../common/quota.ts'

/** At most `limit` requests in a window of `windowMs` that begins with the first request in it. */
export interface FixedWindow {
  readonly algorithm: 'fixed-window'
  readonly limit: number
  readonly windowMs: number
}

/**
 * The generic cell rate algorithm: one request each `intervalMs`, and up to `burst` at once. In any stretch of time no
 * more than `burst` + the stretch / `intervalMs` are admitted.
 */
export interface CellRate {
  readonly algorithm: 'gcra'
  readonly burst: number
  readonly intervalMs: number
}

export type LimitRule = FixedWindow | CellRate

/** What is counted on a request, and for whom. Made once for a token and a route, and shared by all their requests. */
export interface LimitPolicy {
  /** Its name for clients: `client` for a client's own quota, else the route, such as `/api1` and, for its second limit, `/api1#2`. */
  readonly name: string
  /** What is counted, in words that no other policy shares: whose, where, and the rule's lengths. */
  readonly subject: string
  /** Whose requests are counted. In a Cluster, policies of one owner lie on one server. */
  readonly owner: string
  readonly rule: LimitRule
  /** Counted and reported, never refused. */
  readonly isShadow: boolean
}

/** Whose requests a policy counts. */
export interface LimitOwner {
  readonly kind: 'client' | 'user' | 'address'
  readonly id: string
}

/**
 * The policy of one owner, for everything that it calls or on one route. The rule's lengths are part of the subject, so
 * that two tokens that carry an old and a new window do not reset each other's; its parts are joined so that no two
 * subjects share a name, whatever an id holds.
 */
export function limitPolicy(
  owner: LimitOwner,
  rule: LimitRule,
  { name, isShadow }: { name: string; isShadow: boolean },
): LimitPolicy {
  const length = rule.algorithm === 'gcra' ? `gcra ${rule.intervalMs}` : String(rule.windowMs)
  const ownerName = `${owner.kind} ${owner.id}`
  return { name, subject: `${length} ${name} ${ownerName}`, owner: ownerName, rule, isShadow }
}

export function fixedWindow({ limit, windowMs }: Quota): FixedWindow {
  return { algorithm: 'fixed-window', limit, windowMs }
}

/** How much a policy allows at once: the limit of its window, or its burst. */
export function sizeOf(rule: LimitRule): number {
  return rule.algorithm === 'gcra' ? rule.burst : rule.limit
}
