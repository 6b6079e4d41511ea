import type { Exchange } from '../exchange.ts'
import type { QuotaReport } from '../throttle/rate-limit-fields.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { RouteMatch } from './match-route.ts'
import type { OpenAccess } from './read-bearer-token.ts'

/** A request without a token whose address has room in the route's limits: only {@link throttleOpenAccess} makes one. */
export interface AdmittedOpenAccess {
  readonly access: OpenAccess
  readonly caller: undefined
  /** What is left; `undefined` when nothing counts the address. */
  readonly quota: QuotaReport | undefined
}

/** Counts a request on an open route against what the route allows its address. */
export function throttleOpenAccess(
  throttle: Throttle,
  { exchange, match }: { readonly exchange: Exchange; readonly match: RouteMatch },
  access: OpenAccess,
): AdmittedOpenAccess | Promise<AdmittedOpenAccess> {
  const charge = match.route.charges.ofAddress(exchange.clientAddress)
  if (charge === undefined) return { access, caller: undefined, quota: undefined }
  const quota = throttle.count(charge, exchange)
  return quota instanceof Promise
    ? quota.then((later) => ({ access, caller: undefined, quota: later }))
    : { access, caller: undefined, quota }
}
