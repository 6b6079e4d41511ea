import t from 'tap'
import { FailedAttempts } from '../../../gateway/admin/failed-attempts.ts'
import { SeenEvents } from '../../../gateway/admin/seen-events.ts'

t.test('wrong secrets are counted by address for a minute, of a thousand addresses at most', (t) => {
  const clock = { now: 0 }
  const attempts = new FailedAttempts(() => clock.now)
  const addTen = (address: string) => Array.from({ length: 10 }, () => attempts.add(address))
  t.same(addTen('a'), Array(10).fill(undefined))
  t.equal(attempts.add('a'), 60)
  t.equal(attempts.add('b'), undefined, 'another address is another matter')
  clock.now = 59_001
  t.equal(attempts.add('a'), 1)
  clock.now = 60_000
  t.equal(attempts.add('a'), undefined)
  addTen('a')
  for (let i = 0; i < 999; i += 1) attempts.add(`x${i}`)
  t.equal(attempts.add('a'), 60, 'it is still known')
  attempts.add('x999')
  t.equal(attempts.add('a'), undefined, 'the oldest was forgotten')
  t.end()
})

t.test('the ids of ten thousand events are remembered, by their issuer', (t) => {
  const seen = new SeenEvents()
  seen.add('https://a/', 'first')
  t.ok(seen.has('https://a/', 'first'))
  t.notOk(seen.has('https://b/', 'first'))
  t.notOk(seen.has('https://a/', 'second'))
  for (let i = 0; i < 9_999; i += 1) seen.add('https://b/', String(i))
  t.ok(seen.has('https://a/', 'first'))
  seen.add('https://b/', 'one more')
  t.notOk(seen.has('https://a/', 'first'))
  t.ok(seen.has('https://b/', '0'))
  t.end()
})
