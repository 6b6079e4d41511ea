import { GatewayError } from '../errors.ts'
import { type Allowance, type Ledger, rateLimitFields } from '../throttle/ledger.ts'
import type { Caller } from './check-access.ts'

/** A caller whose request was counted and has room in its quota: only {@link throttleCaller} makes one. */
export interface AdmittedCaller {
  readonly caller: Caller
  /** What is left; `undefined` when the caller has no quota. */
  readonly allowance: Allowance | undefined
}

/** Counts the request against the caller's quota. */
export function throttleCaller(ledger: Ledger, caller: Caller): AdmittedCaller | Promise<AdmittedCaller> {
  if (caller.counted === undefined) return { caller, allowance: undefined }
  const taken = ledger.take(caller.counted.subject, caller.counted.quota)
  return taken instanceof Promise ? taken.then((allowance) => admit(caller, allowance)) : admit(caller, taken)
}

function admit(caller: Caller, allowance: Allowance): AdmittedCaller {
  if (allowance.isAdmitted) return { caller, allowance }
  throw new GatewayError('quota-exceeded', {
    headers: [...rateLimitFields(allowance), 'Retry-After', String(allowance.retryAfterS)],
    members: {
      'violated-policies': ['client'],
      limit: allowance.limit,
      retry_after: allowance.retryAfterS,
    },
  })
}
