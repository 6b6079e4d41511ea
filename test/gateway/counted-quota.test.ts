import t from 'tap'
import { countedQuota } from '../../gateway/counted-quota.ts'

t.test('no two things that are counted share a name', async (t) => {
  const hourly = { limit: 1, windowMs: 3_600_000 }
  const counted = [
    countedQuota('a', hourly),
    countedQuota('a', { limit: 1, windowMs: 1_000 }),
    countedQuota('a', hourly, '/x'),
    countedQuota('/x a', hourly, '/y'),
    countedQuota('a', hourly, '/y'),
    countedQuota('/x a', hourly),
    countedQuota('* a', hourly),
  ]
  t.equal(new Set(counted.map(({ subject }) => subject)).size, counted.length)
  t.equal(
    countedQuota('a', { ...hourly, limit: 2 }).subject,
    countedQuota('a', hourly).subject,
    'a limit may change',
  )
})
