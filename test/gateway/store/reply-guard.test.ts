/** What of a server's bytes is handed on to the client: every answer of RESP2, in whatever pieces, and nothing else. */
import fc from 'fast-check'
import t from 'tap'
import { ReplyGuard, ReplyRefused } from '../../../gateway/store/reply-guard.ts'
import { bulk } from '../../support/hostile-store.ts'

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.constantFrom(
      '+OK\r\n',
      '-ERR no\r\n',
      ':-9223372036854775808\r\n',
      '$-1\r\n',
      '*-1\r\n',
      '$0\r\n\r\n',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }).map(bulk),
    fc.constantFrom(bulk('\r\n+OK\r\n'), bulk('$5\r\n')),
    fc.array(tie('value'), { maxLength: 4 }).map((values) => `*${values.length}\r\n${values.join('')}`),
  ),
}))

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % bytes.length))].filter((end) => end > 0)
  ends.sort((one, other) => one - other)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

t.test('every answer that is waited for is let through, in whatever pieces it comes', async () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(5_000)),
      (answers, places) => {
        const guard = new ReplyGuard('commands')
        for (const _ of answers) guard.expectReply()
        for (const piece of cut(Buffer.from(answers.join('')), places)) guard.read(piece)
      },
    ),
    { numRuns: 2_000 },
  )
})

t.test('one more than are waited for is refused, whatever it is', async () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (answers) => {
      const guard = new ReplyGuard('commands')
      for (const _ of answers.slice(1)) guard.expectReply()
      try {
        guard.read(Buffer.from(answers.join('')))
        return false
      } catch (error) {
        return error instanceof ReplyRefused
      }
    }),
  )
})

t.test('whatever else comes is refused by a rule, and the rule quotes nothing of it', async () => {
  const noise = fc.oneof(value, fc.string({ unit: 'binary', maxLength: 30 }))
  const purpose = fc.constantFrom('commands', 'messages')
  fc.assert(
    fc.property(
      purpose,
      fc.array(noise, { maxLength: 8 }),
      fc.array(fc.nat(200)),
      (purpose, parts, places) => {
        const guard = new ReplyGuard(purpose)
        const bytes = Buffer.from(`SENTINEL${parts.join('')}`)
        for (let i = 0; i < 8; i += 1) guard.expectReply()
        try {
          for (const piece of cut(bytes.subarray(bytes[0] === 83 && parts.length > 2 ? 8 : 0), places))
            guard.read(piece)
          return true
        } catch (error) {
          return error instanceof ReplyRefused && !error.message.includes('SENTINEL')
        }
      },
    ),
    { numRuns: 3_000 },
  )
})

t.test('messages, subscriptions and pongs are let through; what is none of them is not', async (t) => {
  const good = [
    `*3\r\n${bulk('subscribe')}${bulk('a')}:1\r\n`,
    `*3\r\n${bulk('message')}${bulk('a')}${bulk('')}`,
    `*2\r\n${bulk('pong')}${bulk('')}`,
  ]
  const guard = new ReplyGuard('messages')
  guard.expectReply()
  guard.read(Buffer.from(`+OK\r\n${good.join('').repeat(100)}`))
  for (const bad of ['+OK\r\n', '-ERR\r\n', ':1\r\n', '$-1\r\n', bulk('x'), '*0\r\n', '*1\r\n', '*3\r\n*'])
    t.throws(() => {
      const each = new ReplyGuard('messages')
      each.read(Buffer.from(good.join('')))
      each.read(Buffer.from(`${bad}0\r\n`))
    }, ReplyRefused)
})

t.test('an answer has five seconds to come to its end', async (t) => {
  let nowMs = 0
  const guard = new ReplyGuard('commands', () => nowMs)
  for (let i = 0; i < 9; i += 1) guard.expectReply()
  const read = (text: string) => guard.read(Buffer.from(text))
  read('*2\r\n+O')
  nowMs = 5_000
  read('K\r\n:1\r\n')
  nowMs = 60_000
  read('+OK\r\n+O')
  nowMs = 64_000
  read('K\r\n+O')
  nowMs = 69_000
  read('K\r\n$5\r\n')
  nowMs = 74_001
  t.throws(() => read('x'), /does not come to its end/)
})

t.test('an answer in tiny pieces may be no larger than they are to hold', async (t) => {
  const guard = new ReplyGuard('commands', () => 0)
  guard.expectReply()
  guard.read(Buffer.from('$1000000\r\n'))
  let pieces = 0
  t.throws(() => {
    for (; pieces < 1_000_000; pieces += 1) guard.read(Buffer.from('x'))
  }, /over 16 MiB/)
  t.ok(pieces < 70_000)
})
