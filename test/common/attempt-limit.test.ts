import fc from 'fast-check'
import t from 'tap'
import { AttemptLimit } from '../../common/attempt-limit.ts'

function limitOf(maxKeys: number) {
  const clock = { now: 0 }
  return { clock, limit: new AttemptLimit({ max: 10, windowMs: 60_000, maxKeys, now: () => clock.now }) }
}

t.test('attempts are counted by key, in windows that begin with the first', (t) => {
  const { clock, limit } = limitOf(1_000)
  const addTen = () => Array.from({ length: 10 }, () => limit.add('a'))
  t.equal(limit.wait('a'), undefined)
  t.same(addTen(), Array(10).fill(undefined))
  t.equal(limit.wait('a'), 60, 'none is left')
  t.equal(limit.add('a'), 60)
  t.equal(limit.add('b'), undefined, 'another key is another matter')
  clock.now = 59_001
  t.equal(limit.add('a'), 1)
  clock.now = 60_000
  t.equal(limit.wait('a'), undefined)
  t.same(addTen(), Array(10).fill(undefined))
  t.end()
})

t.test('A4: a million keys take bounded memory, and do not set free what has used its attempts up', (t) => {
  const { limit } = limitOf(1_000)
  for (let i = 0; i < 10; i += 1) limit.add('a')
  limit.add('once')
  for (let i = 0; i < 1_000_000; i += 1) limit.add(`x${i}`)
  t.ok(limit.size <= 2_000, String(limit.size))
  t.equal(limit.wait('a'), 60)
  for (let i = 0; i < 9; i += 1) limit.add('once')
  t.equal(limit.wait('once'), undefined, 'what had attempts left was forgotten')
  t.end()
})

t.test('A4: within the room for keys, it counts as a plain model does', (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', '__proto__'),
    waitMs: fc.constantFrom(0, 0, 0, 1, 500, 1_000),
    adds: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 1, max: 4 }), (steps, max) => {
      const clock = { now: 5_000 }
      const limit = new AttemptLimit({ max, windowMs: 1_000, maxKeys: 4, now: () => clock.now })
      const model = new Map<string, { count: number; endsAt: number }>()
      for (const { key, waitMs, adds } of steps) {
        clock.now += waitMs
        let entry = model.get(key)
        if (entry === undefined || entry.endsAt <= clock.now) entry = { count: 0, endsAt: clock.now + 1_000 }
        if (adds) model.set(key, { ...entry, count: entry.count + 1 })
        const isRefused = adds ? entry.count + 1 > max : entry.count >= max
        const expected = isRefused ? Math.ceil((entry.endsAt - clock.now) / 1_000) : undefined
        if ((adds ? limit.add(key) : limit.wait(key)) !== expected) return false
      }
      return true
    }),
  )
  t.end()
})
