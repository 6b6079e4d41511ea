import fc from 'fast-check'
import t from 'tap'
import type { LimitPolicy, LimitRule } from '../../../gateway/limit-policy.ts'
import type { Allowance } from '../../../gateway/throttle/ledger.ts'
import { RateLimitFields } from '../../../gateway/throttle/rate-limit-fields.ts'
import { parseStructuredList } from '../../support/structured-fields.ts'

const clock = () => 1_800_000_000_000
const hourly: LimitRule = { algorithm: 'fixed-window', limit: 1_000, windowMs: 3_600_000 }
const rate: LimitRule = { algorithm: 'gcra', burst: 20, intervalMs: 333 }

const policyOf = (name: string, rule: LimitRule, isShadow = false): LimitPolicy => ({
  name,
  rule,
  isShadow,
  subject: name,
  owner: name,
})

const allowanceOf = (policy: LimitPolicy, told: Partial<Allowance> = {}): Allowance => ({
  policy,
  hasRoom: true,
  remaining: 7,
  resetAtS: 1_800_000_060,
  retryAfterS: 60,
  ...told,
})

const chargeOf = (...policies: LimitPolicy[]) => ({ policies, cost: 1, whenStoreFails: 'strict' }) as const

t.test('both sets of fields tell the same, and either can be switched off', async (t) => {
  const policies = [policyOf('client', hourly), policyOf('/api1', rate)] as const
  const verdict = {
    isAdmitted: true,
    allowances: [
      allowanceOf(policies[0], { remaining: 997 }),
      allowanceOf(policies[1], { remaining: 3, retryAfterS: 6 }),
    ],
  }
  const plain = [
    ...['X-Rate-Limit-Limit', '1000', 'X-Rate-Limit-Remaining', '997'],
    ...['X-Rate-Limit-Reset', '1800000060'],
  ]
  const structured = [
    ...['RateLimit-Policy', '"client";q=1000;w=3600, "/api1";q=20;w=7'],
    ...['RateLimit', '"client";r=997;t=60, "/api1";r=3;t=6'],
  ]
  for (const [choice, expected] of [
    ['both', [...plain, ...structured]],
    ['x-rate-limit', plain],
    ['ratelimit', structured],
  ] as const) {
    const report = new RateLimitFields(choice, clock).report(chargeOf(...policies), verdict)
    t.same(report?.fields, expected, choice)
    t.equal(report?.remaining, 3, 'the fewest of all')
  }
})

t.test('what is in shadow, and what was not counted, is not told', async (t) => {
  const fields = new RateLimitFields('both', clock)
  const shadow = policyOf('/api1', hourly, true)
  const own = policyOf('client', hourly)
  t.equal(fields.report(chargeOf(shadow), { isAdmitted: true, allowances: [allowanceOf(shadow)] }), undefined)
  t.equal(fields.report(chargeOf(own), { isAdmitted: true, allowances: [] }), undefined)
  const both = fields.report(chargeOf(shadow, own), {
    isAdmitted: true,
    allowances: [allowanceOf(shadow, { hasRoom: false, remaining: 0 }), allowanceOf(own)],
  })
  t.notMatch(both?.fields.join(), /api1/)
  t.equal(both?.remaining, 7)
})

t.test('a refusal tells the policy for which to wait longest', async (t) => {
  const policies = [policyOf('client', hourly), policyOf('/a', rate), policyOf('/a#2', hourly)] as const
  const report = new RateLimitFields('x-rate-limit', clock).report(chargeOf(...policies), {
    isAdmitted: false,
    allowances: [
      allowanceOf(policies[0], { retryAfterS: 3_000 }),
      allowanceOf(policies[1], { hasRoom: false, remaining: 0, retryAfterS: 1, resetAtS: 1 }),
      allowanceOf(policies[2], { hasRoom: false, remaining: 0, retryAfterS: 9, resetAtS: 2 }),
    ],
  })
  t.same(
    report?.fields.filter((_, index) => index % 2 === 1),
    ['1000', '0', '2'],
  )
})

t.test('whatever is counted, the fields are structured fields', async () => {
  const rule = fc.oneof(
    fc.record({
      algorithm: fc.constant('fixed-window' as const),
      limit: fc.maxSafeNat(),
      windowMs: fc.integer({ min: 1_000, max: 366 * 86_400_000 }),
    }),
    fc.record({
      algorithm: fc.constant('gcra' as const),
      burst: fc.integer({ min: 1, max: 1e9 }),
      intervalMs: fc.double({ min: 1e-9, max: 366 * 86_400_000, noNaN: true }),
    }),
  )
  const name = fc.oneof(fc.constant('client'), fc.stringMatching(/^\/[A-Za-z0-9._~-]+(?:#[2-4])?$/))
  const part = fc.record({
    name,
    rule,
    remaining: fc.maxSafeNat(),
    retryAfterS: fc.integer({ min: 1, max: 4e7 }),
  })
  const fields = new RateLimitFields('ratelimit', clock)
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const policies = parts.map((each) => policyOf(each.name, each.rule))
      const allowances = parts.map((each, index) => allowanceOf(policies[index] as LimitPolicy, each))
      const [, policyField = '', , field = ''] =
        fields.report(chargeOf(...policies), { isAdmitted: true, allowances })?.fields ?? []
      const told = parseStructuredList(field)
      const toldPolicies = parseStructuredList(policyField)
      return parts.every(({ name, remaining, retryAfterS }, index) => {
        const item = told[index]
        const w = toldPolicies[index]?.parameters.get('w')
        return (
          item?.value === name &&
          toldPolicies[index]?.value === name &&
          Number(item.parameters.get('r')) <= remaining &&
          item.parameters.get('t') === retryAfterS &&
          Number.isInteger(w) &&
          Number(w) >= 1
        )
      })
    }),
  )
})

t.test('the policies of a charge are rendered once', async (t) => {
  let looks = 0
  const policy = policyOf('client', hourly)
  const counting = {
    ...policy,
    get name() {
      looks += 1
      return 'client'
    },
  }
  const fields = new RateLimitFields('ratelimit', clock)
  const charge = chargeOf(counting)
  for (let i = 0; i < 9; i += 1)
    fields.report(charge, { isAdmitted: true, allowances: [allowanceOf(policy)] })
  t.equal(looks, 1)
})

t.test(
  'a limit that is not the gateway’s own is told in the same names, as far as it is known',
  async (t) => {
    const fields = new RateLimitFields('both', clock)
    const nothing = { limit: undefined, windowS: undefined, reset: undefined }
    t.same(fields.fieldsFor({ ...nothing, remaining: 5 }), [
      'X-Rate-Limit-Remaining',
      '5',
      'RateLimit',
      '"backend";r=5',
    ])
    t.same(fields.fieldsFor({ limit: 9, remaining: 0, windowS: 60, reset: { inS: 30 } }), [
      ...['X-Rate-Limit-Limit', '9', 'X-Rate-Limit-Remaining', '0', 'X-Rate-Limit-Reset', '1800000030'],
      ...['RateLimit-Policy', '"backend";q=9;w=60', 'RateLimit', '"backend";r=0;t=30'],
    ])
    t.same(fields.fieldsFor({ ...nothing, remaining: 1, reset: { atS: 1_800_000_009 } }), [
      ...[
        'X-Rate-Limit-Remaining',
        '1',
        'X-Rate-Limit-Reset',
        '1800000009',
        'RateLimit',
        '"backend";r=1;t=9',
      ],
    ])
    t.match(
      fields.fieldsFor({ ...nothing, remaining: 1, reset: { atS: 5 } }).at(-1),
      /;t=0$/,
      'a reset that is over',
    )
  },
)
