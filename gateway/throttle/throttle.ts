import type { Charge } from '../charge.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { type LimitPolicy, sizeOf } from '../limit-policy.ts'
import type { Ledger, Verdict } from './ledger.ts'
import type { QuotaReport, RateLimitFields } from './rate-limit-fields.ts'

/** Counts requests, refuses those that find no room, and tells what is left in the words for clients. */
export class Throttle {
  readonly #ledger: Ledger
  readonly #fields: RateLimitFields

  constructor(ledger: Ledger, fields: RateLimitFields) {
    this.#ledger = ledger
    this.#fields = fields
  }

  /**
   * Counts one request; what is told of it is `undefined` when it was served without being counted. Throws or rejects with
   * `quota-exceeded`, and with what the ledger refuses when it cannot count.
   */
  count(charge: Charge, exchange: Exchange): QuotaReport | undefined | Promise<QuotaReport | undefined> {
    const verdict = this.#ledger.take(charge)
    return verdict instanceof Promise
      ? verdict.then((later) => this.#conclude(charge, later, exchange))
      : this.#conclude(charge, verdict, exchange)
  }

  /** The fields of an answer to a request that is not counted, as far as they are known. */
  fieldsWithoutCounting(charge: Charge): readonly string[] {
    const verdict = this.#ledger.peek(charge.policies)
    return (verdict && this.#fields.report(charge, verdict)?.fields) ?? []
  }

  /** What is left of these policies, without counting; asks where that is needed. */
  read(policies: readonly LimitPolicy[]): Promise<Verdict> {
    return this.#ledger.read(policies)
  }

  #conclude(charge: Charge, verdict: Verdict, exchange: Exchange): QuotaReport | undefined {
    const report = this.#fields.report(charge, verdict)
    if (!verdict.isAdmitted) throw quotaExceeded(verdict, report)
    noteShadows(verdict, exchange)
    return report
  }
}

function quotaExceeded({ allowances }: Verdict, report: QuotaReport | undefined): GatewayError {
  const violated = allowances
    .filter(({ policy, hasRoom }) => !policy.isShadow && !hasRoom)
    .toSorted((a, b) => b.retryAfterS - a.retryAfterS)
  const retryAfterS = violated[0]?.retryAfterS
  return new GatewayError('quota-exceeded', {
    headers: [...(report?.fields ?? []), 'Retry-After', String(retryAfterS)],
    members: {
      'violated-policies': violated.map(({ policy }) => policy.name),
      limit: violated.map(({ policy }) => sizeOf(policy.rule))[0],
      retry_after: retryAfterS,
    },
  })
}

/** Of a request that is admitted, only a policy in shadow can have had no room. */
function noteShadows({ allowances }: Verdict, exchange: Exchange): void {
  for (const { policy, hasRoom } of allowances) {
    if (!hasRoom) exchange.shadowRefusals = [...exchange.shadowRefusals, policy.name]
  }
}
