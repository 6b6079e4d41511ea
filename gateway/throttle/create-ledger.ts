import type { Clock } from '../clock.ts'
import type { SharedStore } from '../shared-store.ts'
import type { Moment } from './lease.ts'
import { LeaseLedger, type LeaseLedgerListener } from './lease-ledger.ts'
import { RedisLeaseStore } from './lease-store.ts'
import type { Ledger } from './ledger.ts'
import { MemoryLedger } from './memory-ledger.ts'

/** How long a start waits for a store that grants: one that has just lost everything asks the others first. */
const openTimeoutMs = 2_000

/** The ledger of this process: with a shared store, one that all processes count in. */
export async function createLedger(
  store: SharedStore | undefined,
  clock: Clock,
  listener: LeaseLedgerListener,
): Promise<Ledger> {
  if (store === undefined) return new MemoryLedger(clock)
  const leaseStore = new RedisLeaseStore(store)
  const ledger = new LeaseLedger({ store, leaseStore, now: systemMoments(clock), listener })
  await ledger.open(openTimeoutMs)
  return ledger
}

/** Reads both clocks into one object, which is the same each time: it is read on every request. */
function systemMoments(clock: Clock): () => Moment {
  const now = { monotonicMs: 0, wallMs: 0 }
  return () => {
    now.monotonicMs = performance.now()
    now.wallMs = clock()
    return now
  }
}
