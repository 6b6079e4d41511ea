import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Fate, LeaseWorld, type WorldEvent } from '../../support/lease-world.ts'

const node = fc.nat(3)
const fate = fc.constantFrom<Fate>(
  'arrives',
  'never arrives',
  'loses its answer',
  'arrives late',
  'arrives twice',
)

/** What goes on all the time, whatever else happens. */
const ordinary = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('request'), node, cost: fc.constant(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('request'), node, cost: fc.integer({ min: 2, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('requests together'),
      node,
      count: fc.integer({ min: 2, max: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('time passes'),
      ms: fc.constantFrom(1, 60, 250, 400, 1_000, 2_500),
    }),
  },
)

const faultOf = {
  network: fc.oneof(
    fc.record({ kind: fc.constant('the next calls'), fates: fc.array(fate, { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('a late call arrives'), index: fc.nat(5) }),
    fc.record({ kind: fc.constantFrom('node is cut off', 'node is back'), node }),
  ),
  death: fc.record({ kind: fc.constantFrom('node dies', 'node stops cleanly'), node }),
  loss: fc.record({ kind: fc.constantFrom('flush', 'restart without the last writes') }),
  clock: fc.record({
    kind: fc.constant('the store’s clock jumps'),
    ms: fc.constantFrom(-2_000, 2_000, -500),
  }),
  limit: fc.record({ kind: fc.constant('limit changes'), limit: fc.integer({ min: 3, max: 30 }) }),
}

/** Runs any sequence of such events, and gives what was wrong; nothing where all was well. */
async function anySequence(
  t: Test,
  faults: readonly (keyof typeof faultOf)[],
  { windowMs, runs }: { windowMs: number; runs: number },
): Promise<void> {
  const event = fc.oneof(
    { weight: 3, arbitrary: ordinary },
    ...faults.map((fault) => ({
      weight: 1,
      arbitrary: faultOf[fault] as fc.Arbitrary<unknown> as fc.Arbitrary<WorldEvent>,
    })),
  )
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 4 }),
    fc.integer({ min: 3, max: 30 }),
    fc.array(event, { maxLength: 80, size: 'max' }),
    async (nodes, limit, events) => {
      const world = new LeaseWorld({ nodes, limit, windowMs })
      // A store that was started just now does not grant at once.
      await world.run([{ kind: 'request', node: 0, cost: 1 }, { kind: 'time passes', ms: 1_000 }, ...events])
      await world.close()
      if (world.faults.length > 0) throw new Error(world.faults.join('; '))
    },
  )
  await fc.assert(property, { numRuns: runs })
  t.pass(`${runs} sequences`)
}

const hour = 3_600_000

t.test('whatever becomes of calls and answers, no window admits more than its limit', (t) =>
  anySequence(t, ['network'], { windowMs: 8_000, runs: 200 }),
)
t.test('processes may die and come anew', (t) =>
  anySequence(t, ['network', 'death'], { windowMs: 8_000, runs: 200 }),
)
t.test('the store may lose everything, or its last writes', (t) =>
  anySequence(t, ['network', 'loss'], { windowMs: hour, runs: 200 }),
)
t.test('its clock may jump meanwhile, and the limit change', (t) =>
  anySequence(t, ['network', 'clock', 'limit'], { windowMs: hour, runs: 200 }),
)
t.test('all of it may happen together', (t) =>
  anySequence(t, ['network', 'death', 'loss', 'clock', 'limit'], { windowMs: hour, runs: 200 }),
)
