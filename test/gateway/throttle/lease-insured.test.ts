/** What all processes serve of a limit while nobody can count is a tenth of it together, not a tenth each. */
import t, { type Test } from 'tap'
import { limitPolicy } from '../../../gateway/limit-policy.ts'
import { LeaseLedger } from '../../../gateway/throttle/lease-ledger.ts'
import { MessageBus, ModelLeaseStore, settle, TestStore } from '../../support/lease-fleet.ts'
import { LeaseModel } from '../../support/lease-model.ts'

const limit = 400
const policy = limitPolicy(
  { kind: 'client', id: 'Tracks' },
  { algorithm: 'fixed-window', limit, windowMs: 3_600_000 },
  { name: 'client', isShadow: false },
)

/**
 * One process of four that has listened for so long when the store goes: what it serves without the store, and what the
 * store knows to be used when it is back.
 */
async function insuredAfter(t: Test, listenedMs: number): Promise<{ insured: number; told: number }> {
  const model = new LeaseModel()
  const store = new TestStore('p1', new MessageBus())
  store.isListening = false
  let insured = 0
  const ledger = new LeaseLedger({
    store,
    leaseStore: new ModelLeaseStore(model, store),
    now: () => ({ monotonicMs: model.nowUs / 1_000, wallMs: model.nowUs / 1_000 }),
    listener: { notCounted: (outcome) => outcome === 'insured' && insured++ },
    every: () => () => {},
  })
  t.teardown(() => ledger.close())
  const opening = ledger.open(60_000)
  await settle()
  model.nowUs += 6_000_000
  await opening
  store.isListening = true
  store.peers = ['p2', 'p3', 'p4']
  store.set(true)
  const charge = { policies: [policy], cost: 1, whenStoreFails: 'insured' } as const
  await ledger.take(charge)
  model.nowUs += listenedMs * 1_000
  store.isListening = false
  store.set(false)
  for (let i = 0; i < limit; i += 1)
    await Promise.resolve()
      .then(() => ledger.take(charge))
      .catch(() => {})
  store.set(true)
  await settle()
  return { insured, told: model.windows.values().next().value?.rows.get('p1')?.U ?? 0 }
}

/** What is taken in hand at first, and served before anything else. */
const inHand = 8

t.test('a process that knows three others serves a quarter of a tenth', async (t) => {
  const share = limit / 40
  t.same(await insuredAfter(t, 5_000), { insured: share, told: inHand + share }, 'and tells of it')
})

t.test('one that has not listened long enough to know the others serves nothing', async (t) => {
  t.match(await insuredAfter(t, 500), { insured: 0 })
})
