import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { durationInMs, formatDuration, parseDuration } from '../../common/duration.ts'

t.test('a duration is read in each of its units', (t) => {
  t.equal(parseDuration('500ms'), 500)
  t.equal(parseDuration('30s'), 30_000)
  t.equal(parseDuration('5m'), 300_000)
  t.equal(parseDuration('1h'), 3_600_000)
  t.equal(parseDuration('7d'), 604_800_000)
  t.equal(parseDuration('0s'), 0)
  t.end()
})

t.test('what is not exactly a whole number and a unit is no duration', (t) => {
  for (const text of [
    '',
    '5',
    's',
    '-5s',
    '+5s',
    '1.5s',
    '5 s',
    ' 5s',
    '5s\n',
    '5S',
    '1h30m',
    '1e3s',
    '٥s',
    '1234567890s',
  ]) {
    t.equal(parseDuration(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('a written duration reads back as the same time', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), (milliseconds) => {
      assert.equal(parseDuration(formatDuration(milliseconds)), milliseconds)
    }),
  )
  t.end()
})

t.test('a duration is written in the largest unit that keeps it whole', (t) => {
  t.equal(formatDuration(3_600_000), '1h')
  t.equal(formatDuration(5_400_000), '90m')
  t.equal(formatDuration(1_500), '1500ms')
  t.equal(formatDuration(0), '0ms')
  t.end()
})

t.test('hostile text is no duration, or a whole and safe number of milliseconds', (t) => {
  const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9.+-]{0,12}(ms|[smhd])$/))
  fc.assert(
    fc.property(hostile, (text) => {
      const milliseconds = parseDuration(text)
      return milliseconds === undefined || (Number.isSafeInteger(milliseconds) && milliseconds >= 0)
    }),
  )
  t.end()
})

t.test('text that should have been checked before is a programming error, and named', (t) => {
  t.equal(durationInMs('2s'), 2_000)
  t.throws(() => durationInMs('soon'), { name: 'TypeError', message: /"soon" is not a duration: it must be/ })
  t.end()
})
