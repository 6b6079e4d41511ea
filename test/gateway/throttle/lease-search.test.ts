import t from 'tap'
import { LeaseWorld, type WorldEvent } from '../../support/lease-world.ts'

/** Two processes, three requests, and all that can come between them. */
const events: readonly WorldEvent[] = [
  { kind: 'request', node: 0, cost: 1 },
  { kind: 'request', node: 1, cost: 1 },
  { kind: 'the next calls', fates: ['loses its answer'] },
  { kind: 'the next calls', fates: ['arrives late'] },
  { kind: 'a late call arrives', index: 0 },
  { kind: 'flush' },
  { kind: 'time passes', ms: 400 },
]

/** Length of the sequences. `SEARCH_DEPTH=6` takes some minutes. */
const depth = Number(process.env.SEARCH_DEPTH ?? 4)

/** Every sequence of this many events. */
function* sequences(length: number): Iterable<readonly WorldEvent[]> {
  if (length === 0) yield []
  else for (const rest of sequences(length - 1)) for (const event of events) yield [...rest, event]
}

t.test('of all orders of what can happen between two processes, none admits a fourth of three', async (t) => {
  let searched = 0
  for (const sequence of sequences(depth)) {
    const world = new LeaseWorld({ nodes: 2, limit: 3, windowMs: 3_600_000 })
    const first: WorldEvent = { kind: 'request', node: 0, cost: 1 }
    // The store begins to grant; both take one of three; then the sequence; then both take what there is.
    const second: WorldEvent = { ...first, node: 1 }
    const pause: WorldEvent = { kind: 'time passes', ms: 1_000 }
    await world.run([first, pause, first, second, ...sequence, pause, first, second, first, second])
    await world.close()
    if (world.faults.length > 0 || world.admitted > 3)
      t.fail(`${world.admitted} admitted: ${JSON.stringify({ sequence, faults: world.faults })}`)
    searched += 1
  }
  t.equal(searched, events.length ** depth)
})
