import fc from 'fast-check'
import type { Fate, WorldEvent } from './lease-world.ts'

/** What can go wrong, by its kind. */
export type FaultKind = 'network' | 'death' | 'restart' | 'loss' | 'clock' | 'limit'

const node = fc.nat(3)
const fate = fc.constantFrom<Fate>(
  ...(['arrives', 'never arrives', 'loses its answer', 'arrives late', 'arrives twice'] as const),
)
const one = <K extends string>(...kinds: [K, ...K[]]) => fc.constantFrom<K>(...kinds)

/** What goes on all the time, whatever else happens. */
const ordinary: fc.Arbitrary<WorldEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: one('request'), node, cost: fc.constant(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: one('request'), node, cost: fc.integer({ min: 2, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: one('requests together'), node, count: fc.integer({ min: 2, max: 40 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: one('time passes'), ms: fc.constantFrom(1, 60, 250, 400, 1_000, 2_500) }),
  },
)

const faultsOf: Readonly<Record<FaultKind, fc.Arbitrary<WorldEvent>>> = {
  network: fc.oneof(
    fc.record({ kind: one('the next calls'), fates: fc.array(fate, { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: one('a late call arrives'), index: fc.nat(5) }),
    fc.record({ kind: one('node is cut off', 'node is back'), node }),
  ),
  death: fc.record({ kind: one('node dies', 'node stops cleanly'), node }),
  restart: fc.record({ kind: one('flush', 'restart') }),
  loss: fc.record({ kind: one('flush', 'restart without the last writes') }),
  clock: fc.record({ kind: one('the store’s clock jumps'), ms: fc.constantFrom(-2_000, 2_000, -500) }),
  limit: fc.record({ kind: one('limit changes'), limit: fc.integer({ min: 3, max: 200 }) }),
}

/** Any events of a world, after those by which a store that was started just now comes to grant. */
export function worldEvents(faults: readonly FaultKind[]): fc.Arbitrary<WorldEvent[]> {
  const event = fc.oneof(
    { weight: 3, arbitrary: ordinary },
    ...faults.map((fault) => ({ weight: 1, arbitrary: faultsOf[fault] })),
  )
  return fc
    .array(event, { maxLength: 80, size: 'max' })
    .map((events) => [{ kind: 'request', node: 0, cost: 1 }, { kind: 'time passes', ms: 1_000 }, ...events])
}
