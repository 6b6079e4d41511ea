import type { Charge } from '../charge.ts'
import type { LimitPolicy } from '../limit-policy.ts'

/** What one policy still allows its owner, as the ledger says it on one request. */
export interface Allowance {
  readonly policy: LimitPolicy
  /** Whether the request found room. */
  readonly hasRoom: boolean
  /** Requests left: in the window, or of the burst; 0 when there was no room. */
  readonly remaining: number
  /** When all is there again, in whole seconds since the epoch, rounded up: constant within a window. */
  readonly resetAtS: number
  /**
   * Whole seconds, and never fewer than it takes: until there is room for the request where it found none, else until all is
   * there again; at least 1. A request that costs more than the whole policy never finds room: then until as much would be
   * free, or a new window could begin.
   */
  readonly retryAfterS: number
}

/** What the ledger says of a request, by policy in the charge's order. */
export interface Verdict {
  /** Whether every policy that is enforced had room. Where one had none, nothing was counted. */
  readonly isAdmitted: boolean
  /** Empty when the request was served without being counted, because the store is gone. */
  readonly allowances: readonly Allowance[]
}

/** Counts requests against policies: over any window, or stretch of time, no more are admitted than a policy allows. */
export interface Ledger {
  /**
   * Counts one request, if every enforced policy has room for it. Synchronous when what is left is known here, a promise
   * where somebody must be asked. Throws or rejects with a `GatewayError` when the request cannot be counted.
   */
  take(charge: Charge): Verdict | Promise<Verdict>
  /** What is left, without counting, as far as it is known here; `undefined` where somebody would have to be asked. */
  peek(policies: readonly LimitPolicy[]): Verdict | undefined
  /** What is left, without counting; asks where that is needed. Rejects with a `GatewayError` when nobody can say. */
  read(policies: readonly LimitPolicy[]): Promise<Verdict>
  /** Gives back what is in hand, within a bounded time. */
  close(): Promise<void>
}
