import t from 'tap'
import { ledgerContract } from '../../contracts/ledger.ts'
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
