import t from 'tap'
import { MemoryLedger } from '../../../gateway/throttle/memory-ledger.ts'
import { ledgerContract, windowCharge } from '../../contracts/ledger.ts'

t.test('the memory ledger keeps the contract of all ledgers', (t) =>
  ledgerContract(t, (clock) => new MemoryLedger(clock)),
)

t.test(
  'full, it forgets windows that have ended, and refuses to count rather than forget a running one',
  async (t) => {
    let nowMs = 0
    const ledger = new MemoryLedger(() => nowMs, 2)
    const quota = { limit: 1, windowMs: 1_000 }
    ledger.take(windowCharge('a', quota))
    nowMs = 500
    ledger.take(windowCharge('b', quota))
    t.throws(() => ledger.take(windowCharge('c', quota)), { code: 'quota-store-full', status: 503 })
    t.notOk(ledger.take(windowCharge('a', quota)).isAdmitted, 'a is still counted')
    nowMs = 1_000
    t.ok(ledger.take(windowCharge('c', quota)).isAdmitted, 'a has ended and made room')
    t.notOk(ledger.take(windowCharge('b', quota)).isAdmitted)
  },
)

t.test('full, it counts a request against all of its policies or none', async (t) => {
  const ledger = new MemoryLedger(() => 0, 2)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => windowCharge(name, { limit: 9, windowMs: 1_000 }).policies)
  const charge = {
    policies: [...(a ?? []), ...(b ?? []), ...(c ?? [])],
    cost: 1,
    whenStoreFails: 'strict',
  } as const
  t.throws(() => ledger.take(charge), { code: 'quota-store-full' })
  t.match(ledger.peek(a ?? []), { allowances: [{ remaining: 9 }] })
})

t.test('a rate of many requests a millisecond is held, late in the epoch', async (t) => {
  let nowMs = 1_800_000_000_000
  const ledger = new MemoryLedger(() => nowMs)
  const rule = { algorithm: 'gcra', burst: 10, intervalMs: 0.000_01 } as const
  const policy = { name: 'client', subject: 'a', owner: 'a', rule, isShadow: false }
  const charge = { policies: [policy], cost: 1, whenStoreFails: 'strict' } as const
  const admittedNow = () =>
    Array.from({ length: 20 }, () => ledger.take(charge)).filter((v) => v.isAdmitted).length
  t.equal(admittedNow(), 10)
  nowMs += 1
  t.equal(admittedNow(), 10)
})

t.test('a clock that is set back opens no rate and no window', async (t) => {
  let nowMs = 1_800_000_000_000
  const ledger = new MemoryLedger(() => nowMs)
  const rate = { algorithm: 'gcra', burst: 1, intervalMs: 1_000 } as const
  const policies = [{ name: 'client', subject: 'a', owner: 'a', rule: rate, isShadow: false }]
  const window = windowCharge('b', { limit: 1, windowMs: 1_000 })
  for (const charge of [{ ...window, policies }, window]) {
    t.ok(ledger.take(charge).isAdmitted)
    nowMs -= 60_000
    t.notOk(ledger.take(charge).isAdmitted)
    nowMs += 60_000
  }
})
