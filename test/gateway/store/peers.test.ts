/** Whoever may publish can claim to be any number of processes, and say anything. */
import fc from 'fast-check'
import t from 'tap'
import { farewellOf, heartbeatOf, Peers } from '../../../gateway/store/peers.ts'

const id = (index: number) => `process-${String(index).padStart(8, '0')}`

t.test('a process is a peer for a minute after it was last heard of, or until it says goodbye', async (t) => {
  const peers = new Peers(id(0))
  t.ok(peers.hear(heartbeatOf(id(0)), 0), 'its own heartbeat is one')
  t.ok(peers.hear(heartbeatOf(id(1)), 0))
  t.ok(peers.hear(heartbeatOf(id(2)), 50_000))
  t.same(peers.list(60_000), [id(1), id(2)])
  t.same(peers.list(60_001), [id(2)])
  t.notOk(peers.hear(farewellOf(id(2)), 60_002), 'a goodbye is no heartbeat')
  t.same(peers.list(60_002), [])
})

t.test('time in which nothing could be heard makes nobody forgotten', async (t) => {
  const peers = new Peers(id(0))
  peers.hear(heartbeatOf(id(1)), 0)
  t.same(peers.listAll(), [id(1)])
  peers.resume(1_000_000)
  t.same(peers.list(1_060_000), [id(1)])
  t.same(peers.list(1_060_001), [])
})

t.test(
  'ten thousand made-up processes take the room of a thousand, and room is made by forgetting',
  async (t) => {
    const peers = new Peers(id(0))
    for (let index = 1; index <= 10_000; index += 1) peers.hear(heartbeatOf(id(index)), 0)
    t.equal(peers.list(0).length, 1_024)
    peers.hear(heartbeatOf(id(20_000)), 60_001)
    t.same(peers.list(60_001), [id(20_000)])
  },
)

t.test('no message but a heartbeat makes a peer', async () => {
  const message = fc.oneof(fc.string(), fc.constantFrom('bye ', '__proto__', ' '.repeat(16), `${id(1)}\n`))
  fc.assert(
    fc.property(message, (text) => {
      const peers = new Peers(id(0))
      const isHeartbeat = peers.hear(text, 0)
      return isHeartbeat === /^[\w-]{16}$/.test(text) && peers.list(0).length === Number(isHeartbeat)
    }),
  )
})
