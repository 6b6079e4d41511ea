import t from 'tap'
import { MemoryLedger } from '../../../gateway/throttle/memory-ledger.ts'
import { ledgerContract } from '../../contracts/ledger.ts'

t.test('the memory ledger keeps the contract of all ledgers', (t) =>
  ledgerContract(t, (clock) => new MemoryLedger(clock)),
)

t.test(
  'full, it forgets windows that have ended, and refuses to count rather than forget a running one',
  async (t) => {
    let nowMs = 0
    const ledger = new MemoryLedger(() => nowMs, 2)
    const quota = { limit: 1, windowMs: 1_000 }
    ledger.take('a', quota)
    nowMs = 500
    ledger.take('b', quota)
    t.throws(() => ledger.take('c', quota), { code: 'quota-store-full', status: 503 })
    t.notOk(ledger.take('a', quota).isAdmitted, 'a is still counted')
    nowMs = 1_000
    t.ok(ledger.take('c', quota).isAdmitted, 'a has ended and made room')
    t.notOk(ledger.take('b', quota).isAdmitted)
  },
)
