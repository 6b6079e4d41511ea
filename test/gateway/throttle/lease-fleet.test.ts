import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type FaultKind, worldEvents } from '../../support/lease-events.ts'
import { LeaseWorld, type WorldEvent } from '../../support/lease-world.ts'

/** Holds a fleet's invariants over any sequences of such events. They are checked after each event: see `LeaseWorld`. */
async function anySequence(t: Test, faults: readonly FaultKind[], rule: number | 'rate'): Promise<void> {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 4 }),
    // Of a small limit nothing is taken in hand; of a large one some is.
    fc.oneof(fc.integer({ min: 3, max: 30 }), fc.integer({ min: 40, max: 200 })),
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

const seconds = 3_000
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

t.test('what is in hand when a window ends is not used in the next', async (t) => {
  const world = new LeaseWorld({ nodes: 1, limit: 200, windowMs: 3_000 })
  const together = (count: number): WorldEvent => ({ kind: 'requests together', node: 0, count })
  const pass = (ms: number): WorldEvent => ({ kind: 'time passes', ms })
  await world.run([
    together(1),
    pass(1_000),
    together(20),
    pass(1_000),
    together(3),
    pass(2_100),
    together(300),
  ])
  t.same(world.faults, [])
  t.equal([...world.admittedByEnd.values()].at(-1), 200)
  await world.close()
})

t.test('what is in hand of a rate is counted as used at the last moment at which it may be', async (t) => {
  const world = new LeaseWorld({ nodes: 2, limit: 40, windowMs: hour, isRate: true })
  const request = (node: number): WorldEvent => ({ kind: 'request', node, cost: 1 })
  const pass = (ms: number): WorldEvent => ({ kind: 'time passes', ms })
  await world.run([request(0), pass(10_000), request(0), request(0), pass(350)])
  const before = world.admitted
  await world.run([{ kind: 'requests together', node: 1, count: 60 }, request(0), request(0), request(0)])
  t.ok(world.admitted - before >= 36, 'nearly all of the burst was there')
  t.same(world.faults, [])
  await world.close()
})
