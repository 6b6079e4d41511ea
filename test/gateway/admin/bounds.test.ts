import t from 'tap'
import { SeenEvents } from '../../../gateway/admin/seen-events.ts'

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
