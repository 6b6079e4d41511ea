import { GatewayError } from '../errors.ts'
import { sizeOf } from '../limit-policy.ts'
import { type Ledger, rateLimitFields, type Verdict } from '../throttle/ledger.ts'
import type { Caller } from './check-access.ts'

/** A caller whose request was counted and has room in its quota: only {@link throttleCaller} makes one. */
export interface AdmittedCaller {
  readonly caller: Caller
  /** What is left; `undefined` when nothing counts the caller. */
  readonly verdict: Verdict | undefined
}

/** Counts the request against the caller's quota. */
export function throttleCaller(ledger: Ledger, caller: Caller): AdmittedCaller | Promise<AdmittedCaller> {
  if (caller.charge === undefined) return { caller, verdict: undefined }
  const taken = ledger.take(caller.charge)
  return taken instanceof Promise ? taken.then((verdict) => admit(caller, verdict)) : admit(caller, taken)
}

function admit(caller: Caller, verdict: Verdict): AdmittedCaller {
  if (verdict.isAdmitted) return { caller, verdict }
  const violated = verdict.allowances.filter(({ policy, hasRoom }) => !policy.isShadow && !hasRoom)
  const retryAfterS = Math.max(...violated.map((allowance) => allowance.retryAfterS))
  throw new GatewayError('quota-exceeded', {
    headers: [
      ...rateLimitFields({ isAdmitted: false, allowances: violated }),
      'Retry-After',
      String(retryAfterS),
    ],
    members: {
      'violated-policies': violated.map(({ policy }) => policy.name),
      limit: violated.map(({ policy }) => sizeOf(policy.rule))[0],
      retry_after: retryAfterS,
    },
  })
}
