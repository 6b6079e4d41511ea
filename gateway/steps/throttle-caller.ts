import type { Exchange } from '../exchange.ts'
import type { QuotaReport } from '../throttle/rate-limit-fields.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { Caller } from './check-access.ts'

/** A caller whose request was counted and has room in its quota: only {@link throttleCaller} makes one. */
export interface AdmittedCaller {
  readonly caller: Caller
  /** What is left; `undefined` when nothing counts the caller. */
  readonly quota: QuotaReport | undefined
}

/** Counts the request against the caller's quota and the route's limits. */
export function throttleCaller(
  throttle: Throttle,
  exchange: Exchange,
  caller: Caller,
): AdmittedCaller | Promise<AdmittedCaller> {
  if (caller.charge === undefined) return { caller, quota: undefined }
  const quota = throttle.count(caller.charge, exchange)
  return quota instanceof Promise ? quota.then((later) => ({ caller, quota: later })) : { caller, quota }
}
