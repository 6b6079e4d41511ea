import t from 'tap'
import type { Charge } from '../../../gateway/charge.ts'
import { GatewayError } from '../../../gateway/errors.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { throttleCaller } from '../../../gateway/steps/throttle-caller.ts'
import { throttleOpenAccess } from '../../../gateway/steps/throttle-open-access.ts'
import type { Ledger, Verdict } from '../../../gateway/throttle/ledger.ts'
import { MemoryLedger } from '../../../gateway/throttle/memory-ledger.ts'
import { RateLimitFields } from '../../../gateway/throttle/rate-limit-fields.ts'
import { Throttle } from '../../../gateway/throttle/throttle.ts'
import { windowCharge } from '../../contracts/ledger.ts'

const clock = () => 1_800_000_000_000
const charge = windowCharge('a', { limit: 2, windowMs: 60_000 })
const newExchange = () => ({ shadowRefusals: [], clientAddress: '192.0.2.1' }) as unknown as Exchange

/** A throttle over a ledger of which some answers are set by the test. */
function throttleWith(answers: Partial<Ledger>): Throttle {
  const memory = new MemoryLedger(clock)
  const ledger: Ledger = {
    take: (asked) => memory.take(asked),
    peek: (policies) => memory.peek(policies),
    read: (policies) => memory.read(policies),
    close: () => memory.close(),
    ...answers,
  }
  return new Throttle(ledger, new RateLimitFields('both', clock))
}

/** Asks somebody first. */
function askingThrottle(): Throttle {
  const memory = new MemoryLedger(clock)
  return throttleWith({ take: async (asked: Charge) => memory.take(asked) })
}

const caller = { charge } as Parameters<typeof throttleCaller>[2]
const openPassage = () =>
  ({
    exchange: newExchange(),
    match: { route: { charges: { ofAddress: () => charge } } },
  }) as unknown as Parameters<typeof throttleOpenAccess>[1]
const openAccess = { token: undefined, search: '', isFromUrl: false } as const

t.test('a ledger that knows is not waited for', async (t) => {
  const admitted = throttleCaller(throttleWith({}), newExchange(), caller)
  t.notOk(admitted instanceof Promise)
  t.notOk(throttleOpenAccess(throttleWith({}), openPassage(), openAccess) instanceof Promise)
})

t.test('a ledger that must ask comes to the same, on both ways', async (t) => {
  const ways: ((throttle: Throttle) => unknown)[] = [
    (throttle) => throttleCaller(throttle, newExchange(), caller),
    (throttle) => throttleOpenAccess(throttle, openPassage(), openAccess),
  ]
  for (const way of ways) {
    const throttle = askingThrottle()
    for (const remaining of [1, 0]) t.match(await way(throttle), { quota: { remaining } })
    await t.rejects(Promise.resolve(way(throttle)), { code: 'quota-exceeded' })
  }
})

t.test('served without being counted, a request tells nothing', async (t) => {
  const uncounted: Verdict = { isAdmitted: true, allowances: [] }
  const throttle = throttleWith({ take: () => uncounted, peek: () => uncounted })
  t.match(throttleCaller(throttle, newExchange(), caller), { caller, quota: undefined })
  t.same(throttle.fieldsWithoutCounting(charge), [])
})

t.test('what nobody knows without asking is not told with a refusal that is not counted', async (t) => {
  t.same(throttleWith({ peek: () => undefined }).fieldsWithoutCounting(charge), [])
  t.equal(throttleWith({}).fieldsWithoutCounting(charge).length, 10)
})

t.test('a ledger that cannot count refuses in its own words', async (t) => {
  const unavailable = new GatewayError('quota-unavailable', { headers: ['Retry-After', '1'] })
  const throttle = throttleWith({ take: () => Promise.reject(unavailable) })
  await t.rejects(Promise.resolve(throttleCaller(throttle, newExchange(), caller)), {
    code: 'quota-unavailable',
  })
  t.match(unavailable.toProblem(), {
    status: 503,
    type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
  })
})
