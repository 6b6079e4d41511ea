import type { Charge } from '../charge.ts'
import type { Clock } from '../clock.ts'
import type { GatewaySettings } from '../config/settings.ts'
import { type LimitPolicy, type LimitRule, sizeOf } from '../limit-policy.ts'
import type { Allowance, Verdict } from './ledger.ts'

/** What clients are told of their quota on one answer. */
export interface QuotaReport {
  /** Header fields, names and values in turn. */
  readonly fields: readonly string[]
  /** Fewest requests that any enforced policy has left. */
  readonly remaining: number
  /** The fields by which a limit of somebody behind the gateway is told instead, in the same names. */
  fieldsFor(limit: ForeignLimit): readonly string[]
}

/** A limit that the gateway did not set, as far as it is known. */
export interface ForeignLimit {
  readonly limit: number | undefined
  readonly remaining: number
  /** Length of its window, in seconds. */
  readonly windowS: number | undefined
  /** When it is reset: in so many seconds, or at a second of the epoch. */
  readonly reset: { readonly inS: number } | { readonly atS: number } | undefined
}

/** The largest integer of a structured field (RFC 9651 §3.3.1). */
const maxInteger = 999_999_999_999_999

/** The name under which a limit is told that the gateway did not set. */
const foreignName = 'backend'

/**
 * Writes the header fields by which a client learns what is left of its quota: `X-Rate-Limit-*` as the original platform
 * had them, of one policy; and `RateLimit` with `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), of all that
 * are enforced. What is in shadow is not told.
 */
export class RateLimitFields {
  readonly #hasPlain: boolean
  readonly #hasStructured: boolean
  readonly #clock: Clock
  /** The policies of a charge do not change: they are rendered for its first request. */
  readonly #policyLists = new WeakMap<Charge, string>()

  constructor(choice: GatewaySettings['rateLimitFields'], clock: Clock) {
    this.#hasPlain = choice !== 'ratelimit'
    this.#hasStructured = choice !== 'x-rate-limit'
    this.#clock = clock
  }

  /** What is told of this verdict; `undefined` when nothing that is enforced was counted. */
  report(charge: Charge, verdict: Verdict): QuotaReport | undefined {
    const told = toldAllowance(verdict)
    if (told === undefined) return undefined
    const fields = this.#fieldsOf(charge, verdict, told)
    return new VerdictReport(this, fields, fewestLeft(verdict.allowances))
  }

  fieldsFor({ limit, remaining, windowS, reset }: ForeignLimit): readonly string[] {
    const nowS = Math.floor(this.#clock() / 1_000)
    const fields: string[] = []
    if (this.#hasPlain) {
      if (limit !== undefined) fields.push('X-Rate-Limit-Limit', String(limit))
      fields.push('X-Rate-Limit-Remaining', String(remaining))
      if (reset !== undefined)
        fields.push('X-Rate-Limit-Reset', String('atS' in reset ? reset.atS : nowS + reset.inS))
    }
    if (this.#hasStructured) {
      const window = windowS === undefined ? '' : `;w=${windowS}`
      if (limit !== undefined)
        fields.push('RateLimit-Policy', `"${foreignName}";q=${integer(limit)}${window}`)
      const waitS = reset === undefined ? undefined : 'inS' in reset ? reset.inS : reset.atS - nowS
      const wait = waitS === undefined ? '' : `;t=${Math.max(0, waitS)}`
      fields.push('RateLimit', `"${foreignName}";r=${integer(remaining)}${wait}`)
    }
    return fields
  }

  /** Each choice as one array: one that grows would leave 110 bytes more of garbage on every request. */
  #fieldsOf(charge: Charge, { allowances }: Verdict, told: Allowance): readonly string[] {
    const limit = String(sizeOf(told.policy.rule))
    const remaining = String(told.remaining)
    const reset = String(told.resetAtS)
    if (!this.#hasStructured)
      return ['X-Rate-Limit-Limit', limit, 'X-Rate-Limit-Remaining', remaining, 'X-Rate-Limit-Reset', reset]
    const policies = this.#policyList(charge)
    const list = allowanceList(allowances)
    if (!this.#hasPlain) return ['RateLimit-Policy', policies, 'RateLimit', list]
    return [
      'X-Rate-Limit-Limit',
      limit,
      'X-Rate-Limit-Remaining',
      remaining,
      'X-Rate-Limit-Reset',
      reset,
      'RateLimit-Policy',
      policies,
      'RateLimit',
      list,
    ]
  }

  #policyList(charge: Charge): string {
    const known = this.#policyLists.get(charge)
    if (known !== undefined) return known
    const enforced = charge.policies.filter(({ isShadow }) => !isShadow)
    const list = enforced.map(policyItem).join(', ')
    this.#policyLists.set(charge, list)
    return list
  }
}

class VerdictReport implements QuotaReport {
  readonly fields: readonly string[]
  readonly remaining: number
  readonly #writer: RateLimitFields

  constructor(writer: RateLimitFields, fields: readonly string[], remaining: number) {
    this.#writer = writer
    this.fields = fields
    this.remaining = remaining
  }

  fieldsFor(limit: ForeignLimit): readonly string[] {
    return this.#writer.fieldsFor(limit)
  }
}

/** The allowance that fields for one policy alone tell: the one that refuses for longest, else the first enforced. */
function toldAllowance({ isAdmitted, allowances }: Verdict): Allowance | undefined {
  let told: Allowance | undefined
  for (const allowance of allowances) {
    if (allowance.policy.isShadow || (!isAdmitted && allowance.hasRoom)) continue
    if (isAdmitted) return allowance
    if (told === undefined || allowance.retryAfterS > told.retryAfterS) told = allowance
  }
  return told
}

function fewestLeft(allowances: readonly Allowance[]): number {
  let fewest = Number.POSITIVE_INFINITY
  for (const { policy, remaining } of allowances)
    if (!policy.isShadow && remaining < fewest) fewest = remaining
  return fewest
}

/** `"client";r=997;t=1834` for each policy: a List of Strings with parameters. */
function allowanceList(allowances: readonly Allowance[]): string {
  let list = ''
  for (const { policy, remaining, retryAfterS } of allowances) {
    if (policy.isShadow) continue
    const separator = list === '' ? '' : ', '
    list += `${separator}"${policy.name}";r=${integer(remaining)};t=${integer(retryAfterS)}`
  }
  return list
}

/** `"client";q=1000;w=3600`. Names are `client` and paths of routes, which hold nothing that a String would escape. */
function policyItem({ name, rule }: LimitPolicy): string {
  return `"${name}";q=${integer(sizeOf(rule))};w=${windowInS(rule)}`
}

/** A rate has no window: its burst is there again after as long as it takes to make it good. */
export function windowInS(rule: LimitRule): number {
  const windowMs = rule.algorithm === 'gcra' ? rule.burst * rule.intervalMs : rule.windowMs
  return integer(Math.max(1, Math.ceil(windowMs / 1_000)))
}

/** A quota, and what a long burst takes, may have more digits than a structured field. */
function integer(count: number): number {
  return Math.min(count, maxInteger)
}
