import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { renderRequestHead } from '../../../../gateway/backends/http1/request-head.ts'
import { ask, startPool } from '../../../support/backend-pool.ts'
import { until } from '../../../support/until.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const answered = { status: 200, body: 'ok' }

t.test(
  'a connection carries one request after the other, and a second is made while it is taken',
  async (t) => {
    const waiting: (() => void)[] = []
    const { pool, sockets } = await startPool(t, (_text, socket) => waiting.push(() => socket.write(ok)))
    for (let i = 0; i < 3; i += 1) {
      const { outcome } = ask(pool)
      await until('a request has arrived', () => waiting.length > 0)
      waiting.shift()?.()
      t.same(await outcome, answered)
    }
    t.equal(sockets.length, 1)
    const both = [ask(pool), ask(pool)]
    await until('a request has arrived', () => waiting.length === 2)
    for (const answer of waiting.splice(0)) answer()
    t.same(await Promise.all(both.map(({ outcome }) => outcome)), [answered, answered])
    t.equal(sockets.length, 2)
  },
)

t.test('what finds no connection waits for one, in its turn, and no longer than for a head', async (t) => {
  const waiting: (() => void)[] = []
  const { pool, sockets } = await startPool(t, (_text, socket) => waiting.push(() => socket.write(ok)), {
    maxConnections: 1,
    timeoutMs: 400,
  })
  const first = ask(pool)
  await until('a request has arrived', () => waiting.length === 1)
  const second = ask(pool)
  const left = ask(pool)
  left.control.abort()
  const third = ask(pool)
  waiting.shift()?.()
  t.same(await first.outcome, answered)
  await until('a request has arrived', () => waiting.length === 1)
  waiting.shift()?.()
  t.same(await second.outcome, answered)
  await until('a request has arrived', () => waiting.length === 1)
  t.equal(sockets.length, 1, 'who left had no turn')
  const late = ask(pool)
  t.same(await third.outcome, { body: '', failure: 'timeout' }, 'the backend never answered')
  await until('a request has arrived', () => waiting.length === 2)
  waiting.pop()?.()
  t.same(await late.outcome, answered, 'and its connection was given up')
  t.equal(sockets.length, 2)
})

t.test('a safe request that a kept connection did not answer is sent once more, on a new one', async (t) => {
  const { pool, sockets, received } = await startPool(t, (_text, socket, connection) => {
    if (connection === 0 && received[0] !== undefined && received[0].split('GET').length > 2) socket.destroy()
    else socket.write(ok)
  })
  t.same(await ask(pool).outcome, answered)
  t.same(await ask(pool).outcome, answered)
  t.equal(sockets.length, 2)
})

for (const [title, asked] of [
  ['a request that may change something', { method: 'POST' }],
  ['a request with a body', { method: 'QUERY', framing: 1 }],
] as const)
  t.test(`${title} is sent once, whatever became of it`, async (t) => {
    let count = 0
    const { pool, sockets } = await startPool(t, (_text, socket) => {
      count += 1
      if (count === 1) socket.write(ok)
      else socket.destroy()
    })
    t.same(await ask(pool).outcome, answered)
    const body = new PassThrough()
    t.same(await ask(pool, { ...asked, body }).outcome, { body: '', failure: 'broken' })
    t.equal(sockets.length, 1)
  })

t.test('a safe request is sent no third time, and none that was answered in part', async (t) => {
  let count = 0
  const { pool, sockets } = await startPool(t, (_text, socket) => {
    count += 1
    if (count === 1) socket.write(ok)
    else socket.destroy()
  })
  t.same(await ask(pool).outcome, answered)
  t.same(await ask(pool).outcome, { body: '', failure: 'broken' })
  t.equal(sockets.length, 2)

  let isFirst = true
  const other = await startPool(t, (_text, socket) => {
    if (isFirst) socket.write(ok)
    else socket.end('HTTP/1.1 200')
    isFirst = false
  })
  t.same(await ask(other.pool).outcome, answered)
  t.same(await ask(other.pool).outcome, { body: '', failure: 'broken' })
  t.equal(other.sockets.length, 1)
})

t.test('a connection that was left in doubt is not used again', async (t) => {
  for (const answer of [
    `${ok}HTTP/1.1 200 OK\r\n`,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ]) {
    const { pool, sockets } = await startPool(t, (_text, socket) => socket.write(answer))
    t.same(await ask(pool).outcome, answered)
    t.same(await ask(pool).outcome, answered)
    t.equal(sockets.length, 2, JSON.stringify(answer))
  }
})

t.test('what a backend says unasked on a kept connection is nobody’s answer', async (t) => {
  const { pool, sockets } = await startPool(t, (_text, socket) => socket.write(ok))
  t.same(await ask(pool).outcome, answered)
  const [kept] = sockets
  if (kept === undefined) throw new Error('there is no connection')
  const closed = once(kept, 'close')
  kept.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
  await closed
  t.same(await ask(pool).outcome, answered)
  t.equal(sockets.length, 2)
})

t.test('an answer that only the connection’s end ends is complete by a proper end alone', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\n\r\n'
  const proper = await startPool(t, (_text, socket) => socket.end(`${head}all of it`))
  t.same(await ask(proper.pool).outcome, { status: 200, body: 'all of it' })
  const reset = await startPool(t, (_text, socket) => {
    socket.write(`${head}half`)
    setTimeout(() => socket.resetAndDestroy(), 50)
  })
  t.same(await ask(reset.pool).outcome, { status: 200, body: 'half', failure: 'broken' })
})

t.test('who lets go of an answer that is over does not touch the next one on the connection', async (t) => {
  const answers: (() => void)[] = []
  const { pool, sockets } = await startPool(t, (_text, socket) => answers.push(() => socket.write(ok)))
  const first = ask(pool)
  await until('a request has arrived', () => answers.length === 1)
  answers.shift()?.()
  t.same(await first.outcome, answered)
  const second = ask(pool)
  await until('a request has arrived', () => answers.length === 1)
  first.control.abort()
  first.control.pause()
  answers.shift()?.()
  t.same(await second.outcome, answered)
  t.equal(sockets.length, 1)
})

t.test('an answer that is paused at its end leaves a connection that reads', async (t) => {
  const { pool, sockets } = await startPool(t, (_text, socket) => socket.write(ok))
  const paused = ask(pool, { onHead: (_head, control) => control.pause() })
  t.same(await paused.outcome, answered)
  t.same(await ask(pool).outcome, answered)
  t.equal(sockets.length, 1)
})

t.test('a body goes out framed as it came, and an answer before its end ends the connection', async (t) => {
  const { pool, sockets, received } = await startPool(t, (text, socket) => {
    if (text.includes('0\r\n\r\n') || text.includes('early')) socket.write(ok)
  })
  const body = new PassThrough()
  const whole = ask(pool, { method: 'POST', framing: 'chunked', body })
  body.write('abc')
  await until('the body arrives', () => received[0]?.includes('abc') === true)
  body.end('0123456789abcdef!')
  t.same(await whole.outcome, answered)
  t.match(received[0], /\r\n\r\n3\r\nabc\r\n11\r\n0123456789abcdef!\r\n0\r\n\r\n$/)
  const unfinished = new PassThrough()
  const early = ask(pool, { method: 'POST', framing: 100, body: unfinished })
  unfinished.write('early')
  t.same(await early.outcome, answered)
  t.same(
    await ask(pool, { method: 'POST', framing: 5, body: new PassThrough().end('early') }).outcome,
    answered,
  )
  t.equal(sockets.length, 2)
})

t.test('each part of an exchange has its time', async (t) => {
  const silent = await startPool(t, () => undefined, { timeoutMs: 100 })
  t.same(await ask(silent.pool).outcome, { body: '', failure: 'timeout' }, 'no head')
  const half = await startPool(
    t,
    (_text, socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    {
      timeoutMs: 100,
    },
  )
  t.same(await ask(half.pool).outcome, { status: 200, body: 'half', failure: 'timeout' }, 'no end')
  const slowClient = await startPool(t, (text, socket) => text.includes('!') && socket.write(ok), {
    timeoutMs: 100,
  })
  const body = new PassThrough()
  const { outcome } = ask(slowClient.pool, { method: 'POST', framing: 2, body })
  body.write('a')
  await sleep(300)
  body.end('!')
  t.same(await outcome, answered, 'a client that is slow to send does not make its backend late')
})

t.test('a closing pool ends what is kept at once and waits for what is under way', async (t) => {
  const answers: (() => void)[] = []
  const { pool, sockets } = await startPool(t, (_text, socket) => answers.push(() => socket.write(ok)))
  const two = [ask(pool), ask(pool)]
  await until('a request has arrived', () => answers.length === 2)
  answers.shift()?.()
  await Promise.race(two.map(({ outcome }) => outcome))
  const closed = pool.close().then(() => 'closed')
  t.equal(await Promise.race([closed, sleep(50).then(() => 'open')]), 'open')
  answers.shift()?.()
  t.equal(await closed, 'closed')
  await until('they are closed', () =>
    sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
  )
  t.same(await Promise.all(two.map(({ outcome }) => outcome)), [answered, answered])
})

t.test('a field that would not arrive as it was meant is not sent', async (t) => {
  const head = { method: 'GET', path: '/', host: 'b', framing: undefined }
  for (const value of ['a\r\nX-Roles: ADMIN', 'a\nb', 'a\0', 'Ċ', '\u010d\u010aX-Roles: ADMIN', '\x7f'])
    t.throws(
      () => renderRequestHead({ ...head, fields: ['X-A', value] }),
      { message: /"X-A"/ },
      JSON.stringify(value),
    )
  t.equal(
    renderRequestHead({
      ...head,
      fields: ['X-A', 'é\t~', 'content-length', '9', 'Transfer-Encoding', 'chunked'],
    }),
    'GET / HTTP/1.1\r\nHost: b\r\nX-A: é\t~\r\nConnection: keep-alive\r\n\r\n',
    'and framing is told once',
  )
  t.match(renderRequestHead({ ...head, method: 'POST', fields: [] }), /\r\nContent-Length: 0\r\n/)
})
