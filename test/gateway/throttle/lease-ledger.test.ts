import t from 'tap'
import type { Charge } from '../../../gateway/charge.ts'
import { ledgerContract, windowCharge } from '../../contracts/ledger.ts'
import { createModelLedger } from '../../support/lease-fleet.ts'
import { LeaseModel } from '../../support/lease-model.ts'

t.test('the lease ledger keeps the contract of all ledgers, on the model of its script', (t) =>
  ledgerContract(t, async (clock) => {
    const model = new LeaseModel()
    const ledger = await createModelLedger(model)
    Object.defineProperty(model, 'nowUs', { get: () => clock() * 1_000 })
    return ledger
  }),
)

/** A ledger on a model of its own, of whose policies some cannot be counted. */
async function ledgerOf(limits: readonly number[]) {
  const model = new LeaseModel()
  const ledger = await createModelLedger(model)
  const charges = limits.map((limit) => windowCharge('client', { limit, windowMs: 3_600_000 }))
  return { model, ledger, charges }
}

t.test(
  'an old and a new limit of one client, by turns, make nobody wait and no call a request',
  async (t) => {
    const { ledger, charges } = await ledgerOf([1_000, 2_000])
    let admitted = 0
    for (let round = 0; round < 20; round += 1) {
      const together = Array.from({ length: 40 }, (_, index) => ledger.take(charges[index % 2] as Charge))
      for (const verdict of await Promise.all(together)) if (verdict.isAdmitted) admitted += 1
    }
    t.equal(admitted, 800)
    const verdicts = []
    for (let i = 0; i < 300; i += 1) verdicts.push(await ledger.take(charges[0] as Charge))
    t.equal(
      verdicts.filter(({ isAdmitted }) => isAdmitted).length,
      200,
      'the lower limit counts what both have used',
    )
    t.ok((await ledger.take(charges[1] as Charge)).isAdmitted, 'the higher one has room')
    await ledger.close()
  },
)

t.test('many requests that count as many each wait together', async (t) => {
  const { ledger } = await ledgerOf([])
  const charge = windowCharge('client', { limit: 1_000_000, windowMs: 3_600_000 }, 10_000)
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => ledger.take(charge)))
  t.ok(verdicts.every(({ isAdmitted }) => isAdmitted))
  await ledger.close()
})

t.test('over the limit a look at what is left makes the next requests ask no more than before', async (t) => {
  const { model, ledger, charges } = await ledgerOf([2])
  const charge = charges[0] as Charge
  for (let i = 0; i < 4; i += 1) await ledger.take(charge)
  let calls = 0
  const apply = model.apply.bind(model)
  model.apply = (...call) => {
    calls += 1
    return apply(...call)
  }
  model.nowUs += 1_000_000
  t.notOk((await ledger.read(charge.policies)).isAdmitted)
  t.equal(calls, 1)
  for (let i = 0; i < 10; i += 1) t.notOk((await ledger.take(charge)).isAdmitted)
  t.equal(calls, 1)
  await ledger.close()
})
