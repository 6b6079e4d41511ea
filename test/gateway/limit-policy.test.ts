import t from 'tap'
import { fixedWindow, type LimitOwner, type LimitRule, limitPolicy } from '../../gateway/limit-policy.ts'

t.test('no two things that are counted share a name', async (t) => {
  const hourly = fixedWindow({ limit: 1, windowMs: 3_600_000 })
  const rate = { algorithm: 'gcra', burst: 1, intervalMs: 3_600_000 } as const
  const counted = (kind: LimitOwner['kind'], id: string, name: string) =>
    limitPolicy({ kind, id }, hourly, { name, isShadow: false }).subject
  const withRule = (rule: LimitRule) =>
    limitPolicy({ kind: 'client', id: 'a' }, rule, { name: '/x', isShadow: false }).subject
  const subjects = [
    counted('client', 'a', 'client'),
    counted('user', 'a', 'client'),
    counted('address', 'a', 'client'),
    withRule({ ...hourly, windowMs: 1_000 }),
    withRule(rate),
    counted('client', 'a', '/x'),
    counted('client', 'a', '/x 1'),
    counted('client', 'client a', '/x'),
    counted('client', '/x client a', '/y'),
    counted('client', 'a', '/y'),
  ]
  t.equal(new Set(subjects).size, subjects.length)
  t.equal(withRule({ ...hourly, limit: 2 }), counted('client', 'a', '/x'), 'limits may change')
})
