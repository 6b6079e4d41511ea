import fc from 'fast-check'
import type { Test } from 'tap'
import type { Quota } from '../../common/quota.ts'
import type { Charge } from '../../gateway/charge.ts'
import type { Clock } from '../../gateway/clock.ts'
import type { Allowance, Ledger } from '../../gateway/throttle/ledger.ts'

/** A charge of one request against one fixed window. */
export function windowCharge(subject: string, { limit, windowMs }: Quota, cost = 1): Charge {
  const rule = { algorithm: 'fixed-window', limit, windowMs } as const
  const policy = { name: 'client', subject, owner: subject, rule, isShadow: false }
  return { policies: [policy], cost, whenStoreFails: 'strict' }
}

/** What every ledger must hold, whatever it counts in. */
export async function ledgerContract(t: Test, createLedger: (clock: Clock) => Ledger): Promise<void> {
  /** Counts one request, and gives what the ledger says of it. */
  const take = async (ledger: Ledger, subject: string, quota: Quota) => {
    const { isAdmitted, allowances } = await ledger.take(windowCharge(subject, quota))
    const { remaining, resetAtS, retryAfterS } = allowances[0] as Allowance
    return { isAdmitted, remaining, resetAtS, retryAfterS }
  }

  /** What is left, where that is known. */
  const peek = async (ledger: Ledger, subject: string, quota: Quota) => {
    const { isAdmitted, allowances } = await ledger.read(windowCharge(subject, quota).policies)
    return { isAdmitted, remaining: allowances[0]?.remaining }
  }

  await t.test('it admits exactly the limit in a window, and says truly what is left', async (t) => {
    const ledger = createLedger(() => 5_000)
    const seen = []
    for (let i = 0; i < 5; i += 1) {
      const { isAdmitted, remaining } = await take(ledger, 'a', { limit: 3, windowMs: 60_000 })
      seen.push([isAdmitted, remaining])
    }
    t.same(seen, [
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ])
  })

  await t.test('a window begins with the subject’s first request and ends when it is over', async (t) => {
    let nowMs = 10_000
    const ledger = createLedger(() => nowMs)
    const quota = { limit: 1, windowMs: 30_000 }
    t.same((await take(ledger, 'a', quota)).resetAtS, 40)
    nowMs = 39_999
    t.match(await take(ledger, 'a', quota), { isAdmitted: false, resetAtS: 40, retryAfterS: 1 })
    nowMs = 40_000
    t.match(await take(ledger, 'a', quota), { isAdmitted: true, resetAtS: 70 })
  })

  await t.test('subjects do not touch each other', async (t) => {
    const ledger = createLedger(() => 0)
    const quota = { limit: 1, windowMs: 1_000 }
    for (const subject of ['a', 'b', '__proto__', 'constructor', '']) {
      t.ok((await take(ledger, subject, quota)).isAdmitted, subject)
    }
  })

  await t.test('a lowered limit is held at once, a raised one opens what it adds', async (t) => {
    const ledger = createLedger(() => 0)
    for (let i = 0; i < 3; i += 1) await take(ledger, 'a', { limit: 5, windowMs: 1_000 })
    t.match(await take(ledger, 'a', { limit: 2, windowMs: 1_000 }), {
      isAdmitted: false,
      remaining: 0,
    })
    t.match(await take(ledger, 'a', { limit: 4, windowMs: 1_000 }), {
      isAdmitted: true,
      remaining: 0,
    })
  })

  await t.test('to peek costs nothing', async (t) => {
    const ledger = createLedger(() => 0)
    const quota = { limit: 2, windowMs: 1_000 }
    t.match(await peek(ledger, 'a', quota), { isAdmitted: true, remaining: 2 })
    await take(ledger, 'a', quota)
    t.match(await peek(ledger, 'a', quota), { isAdmitted: true, remaining: 1 })
    t.match(await peek(ledger, 'a', quota), { isAdmitted: true, remaining: 1 })
    await take(ledger, 'a', quota)
    t.match(await peek(ledger, 'a', quota), { isAdmitted: false, remaining: 0 })
  })

  await t.test(
    'whatever comes when, no window admits more than its limit, and none refuses too early',
    async (t) => {
      const call = fc.record({
        subject: fc.constantFrom('a', 'b'),
        waitMs: fc.nat(700),
        limit: fc.integer({ min: 1, max: 4 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(call, { maxLength: 60 }), async (calls) => {
          let nowMs = 1_000_000
          const ledger = createLedger(() => nowMs)
          const model = new Map<string, { endMs: number; used: number }>()
          for (const { subject, waitMs, limit } of calls) {
            nowMs += waitMs
            let window = model.get(subject)
            if (window === undefined || nowMs >= window.endMs) window = { endMs: nowMs + 1_000, used: 0 }
            model.set(subject, window)
            const expected = window.used < limit
            if (expected) window.used += 1
            const answer = await take(ledger, subject, { limit, windowMs: 1_000 })
            const remaining = Math.max(0, limit - window.used)
            const isRight =
              answer.isAdmitted === expected &&
              answer.remaining === remaining &&
              answer.resetAtS === Math.ceil(window.endMs / 1_000) &&
              answer.retryAfterS * 1_000 >= window.endMs - nowMs
            if (!isRight) return false
          }
          return true
        }),
      )
      t.pass()
    },
  )
}
