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
