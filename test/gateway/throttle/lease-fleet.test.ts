import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type FaultKind, worldEvents } from '../../support/lease-events.ts'
import { LeaseWorld } from '../../support/lease-world.ts'

/** Holds a fleet's invariants over any sequences of such events. They are checked after each event: see `LeaseWorld`. */
async function anySequence(t: Test, faults: readonly FaultKind[], rule: number | 'rate'): Promise<void> {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 4 }),
    fc.integer({ min: 3, max: 30 }),
    worldEvents(faults),
    async (nodes, limit, events) => {
      const world = new LeaseWorld(
        rule === 'rate' ? { nodes, limit, windowMs: hour, isRate: true } : { nodes, limit, windowMs: rule },
      )
      await world.run(events)
      await world.close()
      if (world.faults.length > 0) throw new Error(world.faults.join('; '))
    },
  )
  await fc.assert(property, { numRuns })
  t.pass(`${numRuns} sequences`)
}

/** As many as the suite has time for. `FLEET_RUNS=5000` looks longer. */
const numRuns = Number(process.env.FLEET_RUNS ?? 150)

const seconds = 8_000
const hour = 3_600_000

t.test('whatever becomes of calls and answers, no window admits more than its limit', (t) =>
  anySequence(t, ['network'], seconds),
)
t.test('processes may die and come anew', (t) => anySequence(t, ['network', 'death'], seconds))
t.test('the store may lose everything, or its last writes', (t) => anySequence(t, ['network', 'loss'], hour))
t.test('its clock may jump meanwhile, and the limit change', (t) =>
  anySequence(t, ['network', 'clock', 'limit'], hour),
)
t.test('all of it may happen together', (t) =>
  anySequence(t, ['network', 'death', 'loss', 'restart', 'clock', 'limit'], hour),
)
t.test('nor does any stretch of time have more than a rate allows', (t) =>
  anySequence(t, ['network', 'death'], 'rate'),
)
t.test('not even when the store has lost everything, or its last writes', (t) =>
  anySequence(t, ['network', 'loss', 'restart'], 'rate'),
)
