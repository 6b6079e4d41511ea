import fc from 'fast-check'
import t from 'tap'
import { LeaseLedger } from '../../../gateway/throttle/lease-ledger.ts'
import { RedisLeaseStore } from '../../../gateway/throttle/lease-store.ts'
import { ledgerContract } from '../../contracts/ledger.ts'
import { worldEvents } from '../../support/lease-events.ts'
import { LeaseWorld } from '../../support/lease-world.ts'
import { startRedis } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { TimedStore } from '../../support/timed-lease-store.ts'

const skip = await needs(redisServer)

t.test('the lease ledger keeps the contract of all ledgers, on a real Redis', skip, async (t) => {
  const redis = await startRedis(t)
  await ledgerContract(t, async (clock) => {
    let open = false
    const nowMs = () => (open ? clock() : 1_700_000_000_000 + performance.now())
    const store = new TimedStore(redis.port, 'p1', () => Math.floor(nowMs() * 1_000))
    t.teardown(() => store.disconnect())
    await store.flush()
    const ledger = new LeaseLedger({
      store,
      leaseStore: new RedisLeaseStore(store),
      now: () => ({ monotonicMs: nowMs(), wallMs: nowMs() }),
      listener: { notCounted: () => {} },
    })
    await ledger.open(5_000)
    open = true
    return ledger
  })
})

t.test('whatever happens to a fleet, the script answers as its model does', skip, async (t) => {
  const redis = await startRedis(t)
  let nowUs = 0
  const store = new TimedStore(redis.port, '', () => nowUs)
  t.teardown(() => store.disconnect())
  let calls = 0
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 4 }),
    fc.integer({ min: 3, max: 300 }),
    worldEvents(['network', 'death', 'restart', 'clock', 'limit']),
    async (nodes, limit, events) => {
      const world = new LeaseWorld({ nodes, limit, windowMs: 20_000 })
      await world.run(events)
      await world.close()
      await store.flush()
      for (const { nowUs: atUs, entry } of world.trace) {
        nowUs = atUs
        if (entry.kind === 'flush') await store.flush()
        else if (entry.kind === 'restart') store.serverRun += 1
        else {
          calls += 1
          const answer = await new RedisLeaseStore(store.as(entry.processId))
            .call(entry.call)
            .catch(() => 'late')
          const isLate = entry.answer.grants.some((grant) => grant.kind === 'window' && grant.startMs < 0)
          if (JSON.stringify(answer) !== JSON.stringify(isLate ? 'late' : entry.answer))
            throw new Error(`${JSON.stringify(answer)} is not ${JSON.stringify(entry.answer)}`)
        }
      }
    },
  )
  await fc.assert(property, { numRuns: Number(process.env.FLEET_RUNS ?? 60) })
  t.ok(calls > 1_000, `${calls} calls`)
})
