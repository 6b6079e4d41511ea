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

t.test('when the store has lost its data, no single call that is lost keeps everybody waiting', async (t) => {
  const request = (node: number): WorldEvent => ({ kind: 'request', node, cost: 1 })
  const pass = (ms: number): WorldEvent => ({ kind: 'time passes', ms })
  for (let before = 0; before < 10; before += 1)
    for (const fate of ['never arrives', 'loses its answer'] as const) {
      const world = new LeaseWorld({ nodes: 3, limit: 200, windowMs: hour })
      await world.run([request(0), pass(1_000), request(0), request(1)])
      const fates = [...Array.from({ length: before }, () => 'arrives' as const), fate]
      await world.run([{ kind: 'flush' }, { kind: 'the next calls', fates }])
      await world.run([0, 1, 2].flatMap(() => [request(2), pass(150), pass(250), pass(250)]))
      const { admitted } = world
      await world.run([request(2)])
      t.equal(world.admitted, admitted + 1, `the call after ${before} others: ${fate}`)
      t.same(world.faults, [])
      await world.close()
    }
})

/** Three processes, of which the first has some of a limit of 200 in hand and is cut off, and the others used up the rest. */
async function worldOfHeld(): Promise<LeaseWorld> {
  const world = new LeaseWorld({ nodes: 3, limit: 200, windowMs: hour })
  const together = (node: number, count: number): WorldEvent => ({ kind: 'requests together', node, count })
  const pass = (ms: number): WorldEvent => ({ kind: 'time passes', ms })
  await world.run([together(0, 1), pass(1_000), together(0, 20), pass(1_000), together(0, 3)])
  await world.run([{ kind: 'node is cut off', node: 0 }, together(1, 100), together(2, 100)])
  return world
}

t.test('what a dead process had in hand is asked for a few times, and no more', async (t) => {
  const world = await worldOfHeld()
  await world.run([{ kind: 'node dies', node: 0 }])
  t.ok(world.admitted < 200, `${200 - world.admitted} in hand`)
  const asked = () =>
    world.trace.filter(
      ({ entry }) => entry.kind === 'call' && entry.call.requests.some(({ need }) => need > 0),
    ).length
  const before = asked()
  const second: WorldEvent[] = [{ kind: 'time passes', ms: 1_000 }]
  for (const node of [1, 2]) second.push({ kind: 'requests together', node, count: 10 })
  for (let i = 0; i < 120; i += 1) await world.run(second)
  t.ok(asked() - before <= 2 * 5, `${asked() - before} times by two in two minutes`)
  t.same(world.faults, [])
  await world.close()
})

t.test('what is given back is granted at once, however long it was asked for in vain', async (t) => {
  const world = await worldOfHeld()
  const request: WorldEvent = { kind: 'request', node: 1, cost: 1 }
  for (let i = 0; i < 40; i += 1) await world.run([{ kind: 'time passes', ms: 500 }, request])
  const { admitted } = world
  await world.run([{ kind: 'node is back', node: 0 }, { kind: 'time passes', ms: 1 }, request])
  t.equal(world.admitted, admitted + 1)
  await world.close()
})

t.test('who has not heard of what was given back is refused for 30 s at most', async (t) => {
  // What is given back when the lease has ended, after 30 s here, is heard of or not: nobody asks for it.
  for (let waitedS = 0; waitedS < 30; waitedS += 5) {
    const world = await worldOfHeld()
    const second: WorldEvent[] = [
      { kind: 'time passes', ms: 1_000 },
      { kind: 'request', node: 1, cost: 1 },
    ]
    for (let i = 0; i < waitedS; i += 1) await world.run(second)
    await world.run([
      { kind: 'node is cut off', node: 1 },
      { kind: 'node is back', node: 0 },
      { kind: 'time passes', ms: 3_000 },
      { kind: 'node is back', node: 1 },
    ])
    const { admitted } = world
    for (let i = 0; i < 30; i += 1) await world.run(second)
    t.ok(world.admitted > admitted, `after ${waitedS} s`)
    await world.close()
  }
})
