import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { formatQuota, isQuota, parseQuota } from '../../common/quota.ts'

t.test('a quota is requests and a window', (t) => {
  t.strictSame(parseQuota('1000/1h'), { limit: 1_000, windowMs: 3_600_000 })
  t.strictSame(parseQuota('20/1s'), { limit: 20, windowMs: 1_000 })
  t.end()
})

t.test('what cannot be counted is no quota', (t) => {
  for (const text of [
    '',
    '1000',
    '/1h',
    '0/1h',
    '-1/1h',
    '1.5/1h',
    '1000/h',
    '1000/999ms',
    '1/367d',
    '1/1h/1h',
    '1 /1h',
    '1/1h ',
  ]) {
    t.equal(parseQuota(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('numbers that are not whole, safe and within bounds make no quota', (t) => {
  t.ok(isQuota(1, 1_000))
  t.ok(isQuota(1, 366 * 86_400_000))
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    t.notOk(isQuota(limit, 1_000))
  for (const windowMs of [999, 1_000.5, Number.NaN, 366 * 86_400_000 + 1]) t.notOk(isQuota(1, windowMs))
  t.end()
})

t.test('a written quota of whole seconds reads back as the same quota', (t) => {
  const limits = fc.integer({ min: 1, max: 999_999_999_999 })
  const windows = fc.integer({ min: 1, max: 366 * 86_400 }).map((seconds) => seconds * 1_000)
  fc.assert(
    fc.property(limits, windows, (limit, windowMs) => {
      assert.deepEqual(parseQuota(formatQuota({ limit, windowMs })), { limit, windowMs })
    }),
  )
  t.end()
})

t.test('hostile text is no quota, or one that can be counted', (t) => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9]{0,14}\/[0-9]{0,9}(ms|[smhd])$/),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const quota = parseQuota(text)
      return quota === undefined || isQuota(quota.limit, quota.windowMs)
    }),
  )
  t.end()
})
