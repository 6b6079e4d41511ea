import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Quota } from '../../common/quota.ts'
import type { Charge } from '../../gateway/charge.ts'
import type { Clock } from '../../gateway/clock.ts'
import type { LimitPolicy, LimitRule } from '../../gateway/limit-policy.ts'
import type { Allowance, Ledger, Verdict } from '../../gateway/throttle/ledger.ts'
import { LedgerModel } from '../support/ledger-model.ts'

/** A charge of one request against one fixed window. */
export function windowCharge(subject: string, { limit, windowMs }: Quota, cost = 1): Charge {
  return chargeOf([policyOf(subject, { algorithm: 'fixed-window', limit, windowMs })], cost)
}

function policyOf(subject: string, rule: LimitRule, isShadow = false): LimitPolicy {
  return { name: 'client', subject, owner: subject, rule, isShadow }
}

function chargeOf(policies: readonly LimitPolicy[], cost = 1): Charge {
  return { policies, cost, whenStoreFails: 'strict' }
}

/** What may differ from one ledger to another. */
export interface LedgerTraits {
  /** Whether `remaining` is all that is left, and not merely never more. */
  readonly exactRemaining: boolean
}

type CreateLedger = (clock: Clock) => Ledger | Promise<Ledger>

/** A ledger whose time is set by the test, forward only: in some it is the store's. */
class Bench {
  nowMs = 1_800_000_000_000
  readonly ledger: Ledger
  readonly #traits: LedgerTraits

  private constructor(ledger: Ledger, traits: LedgerTraits) {
    this.ledger = ledger
    this.#traits = traits
  }

  static async set(t: Test, createLedger: CreateLedger, traits: LedgerTraits): Promise<Bench> {
    const time = { read: () => 0 }
    const bench = new Bench(await createLedger(() => time.read()), traits)
    time.read = () => bench.nowMs
    t.teardown(() => bench.ledger.close())
    return bench
  }

  async take(charge: Charge): Promise<Verdict> {
    return this.ledger.take(charge)
  }

  /** Counts one request against one window, and gives what the ledger says of it. */
  async takeFrom(subject: string, quota: Quota, cost = 1): Promise<Allowance & { isAdmitted: boolean }> {
    const { isAdmitted, allowances } = await this.take(windowCharge(subject, quota, cost))
    return { isAdmitted, ...(allowances[0] as Allowance) }
  }

  /** Whether a ledger of this kind may say so of so much that is left. */
  isRight(told: number | undefined, left: number): boolean {
    return told !== undefined && (this.#traits.exactRemaining ? told === left : told >= 0 && told <= left)
  }
}

const fresh = (name: string) => `${name} ${randomUUID()}`

/**
 * What every ledger must hold, whatever it counts in. A ledger that counts in a store takes the clock for the store's; the
 * clock never goes back.
 */
export async function ledgerContract(
  t: Test,
  createLedger: CreateLedger,
  traits: LedgerTraits = { exactRemaining: true },
): Promise<void> {
  const test = (name: string, hold: (t: Test, bench: Bench) => Promise<void>) =>
    t.test(name, async (t) => hold(t, await Bench.set(t, createLedger, traits)))

  await test('it admits exactly the limit in a window, and says truly what is left', async (t, bench) => {
    const subject = fresh('a')
    for (const [isAdmitted, left] of [
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ] as const) {
      const told = await bench.takeFrom(subject, { limit: 3, windowMs: 60_000 })
      t.equal(told.isAdmitted, isAdmitted)
      t.equal(told.hasRoom, isAdmitted)
      t.ok(bench.isRight(told.remaining, left), `${told.remaining} for ${left}`)
    }
  })

  await test('a window begins with the subject’s first request and ends when it is over', async (t, bench) => {
    const quota = { limit: 1, windowMs: 30_000 }
    const subject = fresh('a')
    const startS = bench.nowMs / 1_000
    bench.nowMs += 400
    t.equal((await bench.takeFrom(subject, quota)).resetAtS, startS + 31)
    bench.nowMs += 29_999
    t.match(await bench.takeFrom(subject, quota), {
      isAdmitted: false,
      resetAtS: startS + 31,
      retryAfterS: 1,
    })
    bench.nowMs += 1
    t.match(await bench.takeFrom(subject, quota), { isAdmitted: true, resetAtS: startS + 61 })
  })

  await test('subjects do not touch each other', async (t, bench) => {
    const run = randomUUID()
    for (const subject of ['__proto__', 'constructor', '', run, `${run} `, `${run}\0`, run.toUpperCase()]) {
      t.ok((await bench.takeFrom(subject, { limit: 1, windowMs: 1_000 })).isAdmitted, JSON.stringify(subject))
    }
  })

  await test('a lowered limit is held at once, a raised one opens what it adds', async (t, bench) => {
    const subject = fresh('a')
    const take = (limit: number) => bench.takeFrom(subject, { limit, windowMs: 1_000 })
    for (let i = 0; i < 3; i += 1) await take(5)
    t.match(await take(2), { isAdmitted: false, remaining: 0 })
    t.match(await take(4), { isAdmitted: true, remaining: 0 })
    t.match(await take(4), { isAdmitted: false, remaining: 0 })
    t.match(await take(1), { isAdmitted: false, remaining: 0 })
    const raised = await take(9)
    t.ok(raised.isAdmitted && bench.isRight(raised.remaining, 4))
  })

  await test('to look at what is left costs nothing', async (t, bench) => {
    const subject = fresh('a')
    const { policies } = windowCharge(subject, { limit: 2, windowMs: 1_000 })
    for (const left of [2, 1, 0]) {
      for (let look = 0; look < 5; look += 1) {
        const read = await bench.ledger.read(policies)
        t.equal(read.isAdmitted, left > 0)
        t.ok(bench.isRight(read.allowances[0]?.remaining, left))
        const peeked = bench.ledger.peek(policies)?.allowances[0]
        t.ok(peeked === undefined || bench.isRight(peeked.remaining, left), 'nothing known, or the same')
      }
      await bench.take(chargeOf(policies))
    }
  })

  await test('a request that counts as several needs room for all of them', async (t, bench) => {
    const quota = { limit: 10, windowMs: 60_000 }
    const subject = fresh('a')
    const first = await bench.takeFrom(subject, quota, 7)
    t.ok(first.isAdmitted && bench.isRight(first.remaining, 3))
    t.match(await bench.takeFrom(subject, quota, 4), { isAdmitted: false, remaining: 0, retryAfterS: 60 })
    const smaller = await bench.takeFrom(subject, quota, 3)
    t.ok(smaller.isAdmitted && bench.isRight(smaller.remaining, 0), 'the refusal has cost nothing')
    t.notOk((await bench.takeFrom(subject, quota, 1)).isAdmitted)
  })

  await test('a request that counts as more than the limit is refused for ever', async (t, bench) => {
    const rules: LimitRule[] = [
      { algorithm: 'fixed-window', limit: 5, windowMs: 60_000 },
      { algorithm: 'gcra', burst: 5, intervalMs: 12_000 },
    ]
    for (const rule of rules) {
      const policies = [policyOf(fresh(rule.algorithm), rule)]
      for (const waitMs of [0, 30_000, 60_000, 3_600_000]) {
        bench.nowMs += waitMs
        const { isAdmitted, allowances } = await bench.take(chargeOf(policies, 6))
        t.notOk(isAdmitted)
        t.match(allowances, [{ hasRoom: false, remaining: 0 }])
        const least = rule.algorithm === 'gcra' ? 12 : 60
        t.ok((allowances[0]?.retryAfterS ?? 0) >= least, 'and never told to come back at once')
      }
      t.ok((await bench.take(chargeOf(policies, 5))).isAdmitted, 'what fits is not touched by it')
    }
  })

  await test('a rate admits its burst at once, and then one request an interval', async (t, bench) => {
    const policies = [policyOf(fresh('a'), { algorithm: 'gcra', burst: 3, intervalMs: 2_000 })]
    const take = async () => (await bench.take(chargeOf(policies))).allowances[0]
    for (const left of [2, 1, 0]) {
      const told = await take()
      t.ok(told?.hasRoom && bench.isRight(told.remaining, left))
    }
    t.match(await take(), { hasRoom: false, remaining: 0, retryAfterS: 2 })
    bench.nowMs += 1_999
    t.match(await take(), { hasRoom: false, retryAfterS: 1 })
    bench.nowMs += 1
    t.match(await take(), { hasRoom: true, remaining: 0, resetAtS: bench.nowMs / 1_000 + 6 })
    t.match(await take(), { hasRoom: false })
    bench.nowMs += 6_000
    t.ok(bench.isRight((await take())?.remaining, 2), 'all of the burst is there again')
  })

  await test('a request refused by one policy counts against none', async (t, bench) => {
    const loose = policyOf(fresh('loose'), { algorithm: 'fixed-window', limit: 10, windowMs: 60_000 })
    const tight = policyOf(fresh('tight'), { algorithm: 'fixed-window', limit: 1, windowMs: 1_000 })
    const rate = policyOf(fresh('rate'), { algorithm: 'gcra', burst: 2, intervalMs: 60_000 })
    const policies = [loose, tight, rate]
    t.ok((await bench.take(chargeOf(policies))).isAdmitted)
    for (let i = 0; i < 20; i += 1) {
      const { isAdmitted, allowances } = await bench.take(chargeOf(policies))
      t.notOk(isAdmitted)
      t.same(
        allowances.map(({ hasRoom }) => hasRoom),
        [true, false, true],
      )
      t.ok(bench.isRight(allowances[0]?.remaining, 9) && bench.isRight(allowances[2]?.remaining, 1))
      t.equal(allowances[1]?.policy, tight, 'the verdict is in the order of the policies')
    }
    bench.nowMs += 1_000
    const { isAdmitted, allowances } = await bench.take(chargeOf(policies))
    t.ok(isAdmitted)
    t.ok(bench.isRight(allowances[0]?.remaining, 8) && bench.isRight(allowances[2]?.remaining, 0))
  })

  await test('a policy in shadow is counted, refuses nobody and holds nobody up', async (t, bench) => {
    const enforced = policyOf(fresh('e'), { algorithm: 'fixed-window', limit: 4, windowMs: 60_000 })
    const shadow = policyOf(fresh('s'), { algorithm: 'fixed-window', limit: 2, windowMs: 60_000 }, true)
    const seen = []
    for (let i = 0; i < 5; i += 1) {
      const { isAdmitted, allowances } = await bench.take(chargeOf([enforced, shadow]))
      seen.push([isAdmitted, ...allowances.map(({ hasRoom }) => hasRoom)])
    }
    t.same(seen, [
      [true, true, true],
      [true, true, true],
      [true, true, false],
      [true, true, false],
      [false, false, false],
    ])
    const alone = await bench.take(chargeOf([shadow]))
    t.match([alone.isAdmitted, alone.allowances[0]?.hasRoom], [true, false])
    t.match(await bench.ledger.read([shadow]), { isAdmitted: true, allowances: [{ hasRoom: false }] })
  })

  await test('whatever comes when, it decides as a naive model that keeps every request', async (t, bench) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { maxLength: 50 }), async (calls) => {
        const run = randomUUID()
        const model = new LedgerModel()
        for (const { waitMs, cost, parts } of calls) {
          bench.nowMs += waitMs
          const policies = parts.map(({ name, rule, isShadow }) => policyOf(`${run} ${name}`, rule, isShadow))
          const expected = model.take(policies, cost, bench.nowMs)
          const { isAdmitted, allowances } = await bench.take(chargeOf(policies, cost))
          if (isAdmitted !== expected.isAdmitted || allowances.length !== policies.length) return false
          for (const [index, { hasRoom, left, endMs, waitMs }] of expected.parts.entries()) {
            const told = allowances[index] as Allowance
            const isRight =
              told.hasRoom === hasRoom &&
              bench.isRight(told.remaining, hasRoom ? left : 0) &&
              (told.policy.rule.algorithm === 'gcra' || told.resetAtS === Math.ceil(endMs / 1_000)) &&
              told.retryAfterS * 1_000 >= waitMs
            if (!isRight) return false
          }
        }
        return model.isKept()
      }),
    )
    t.pass()
  })
}

/** Limits move from call to call, lengths do not: they are part of a subject. */
const anyPart = fc.oneof(
  fc.record({
    name: fc.constantFrom('window a', 'window b'),
    rule: fc
      .integer({ min: 1, max: 5 })
      .map((limit): LimitRule => ({ algorithm: 'fixed-window', limit, windowMs: 1_000 })),
    isShadow: fc.boolean(),
  }),
  fc.record({
    name: fc.constantFrom('rate a', 'rate b'),
    rule: fc
      .integer({ min: 1, max: 5 })
      .map((burst): LimitRule => ({ algorithm: 'gcra', burst, intervalMs: 250 })),
    isShadow: fc.boolean(),
  }),
)

const anyCall = fc.record({
  waitMs: fc.oneof(fc.constantFrom(0, 1, 249, 250, 1_000), fc.nat(700)),
  cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 6 })),
  parts: fc.uniqueArray(anyPart, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
})
