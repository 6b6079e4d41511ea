import t from 'tap'
import type { LimitPolicy } from '../../../gateway/limit-policy.ts'
import { LeaseTable } from '../../../gateway/throttle/lease-table.ts'

const rule = { algorithm: 'fixed-window', limit: 10, windowMs: 60_000 } as const
const policyOf = (owner: string): LimitPolicy => ({
  ...{ name: 'client', subject: `client ${owner}`, owner, rule, isShadow: false },
})

t.test('leases are found by their buckets for as long as they are known', async (t) => {
  const table = new LeaseTable((owner) => owner.slice(0, 2), 3)
  const now = { monotonicMs: 1, wallMs: 1 }
  for (const owner of ['b1 x', 'b2 x', 'b1 y']) table.lease(policyOf(owner), now)
  const ownersIn = (bucket: string) => [...table.inBucket(bucket)].map(({ policy }) => policy.owner)
  t.same([ownersIn('b1'), ownersIn('b2'), ownersIn('b3')], [['b1 x', 'b1 y'], ['b2 x'], []])
  table.lease(policyOf('b2 y'), now)
  t.equal(table.size, 3)
  t.same([ownersIn('b1'), ownersIn('b2')], [['b1 y'], ['b2 x', 'b2 y']])
})
