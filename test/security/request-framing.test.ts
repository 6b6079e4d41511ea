/*
 * The attack: a request whose end two readers see at different places, so that its tail becomes another client's request
 * (request smuggling), or two headers of which gateway and backend believe different ones.
 * Known cases: undici CVE-2026-1525, Node CVE-2024-27982, nodejs/node#3094 (two Host headers).
 */
import t from 'tap'
import { sendRaw } from '../support/raw-client.ts'
import { setScene } from '../support/scene.ts'

const post = 'POST /api2 HTTP/1.1\r\nHost: a\r\n'
const smuggled = 'GET /api2/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

const doubtful: readonly [what: string, bytes: string][] = [
  ['two Host headers', 'GET /api2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  [
    'two tokens',
    'GET /api1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nAuthorization: Bearer nope\r\n\r\n',
  ],
  ['two Content-Type headers', `${post}Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n`],
  ['no Host header', 'GET /api2 HTTP/1.1\r\n\r\n'],
  ['length and chunks', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['two lengths', `${post}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`],
  ['a list of lengths', `${post}Content-Length: 0, 0\r\n\r\n${smuggled}`],
  ['a signed length', `${post}Content-Length: +0\r\n\r\n${smuggled}`],
  ['gzip, chunked', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  [
    'chunked twice',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['xchunked', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  [
    'chunks in HTTP/1.0',
    `POST /api2 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['a space before the colon', 'GET /api2 HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['a folded header', 'GET /api2 HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n'],
  ['a bare line feed', 'GET /api2 HTTP/1.1\nHost: a\n\n'],
  ['a NUL in a header', 'GET /api2 HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
  ['no HTTP at all', 'hello\r\n\r\n'],
]

t.test(
  'a request whose framing is in doubt is refused, and nothing behind it reaches the backend',
  async (t) => {
    const { gateway, backend } = await setScene(t)
    for (const [what, bytes] of doubtful) {
      const answer = await sendRaw(gateway.url, bytes, 2_000)
      t.equal(answer.status, 400, what)
      t.match(answer.head, /\r\nContent-Type: application\/problem\+json/, `${what}: a problem document`)
      t.match(answer.head, /\r\nConnection: close/i, `${what}: the connection ends`)
    }
    t.same(backend.requests, [])
  },
)

t.test('a body that breaks off in a bad chunk is never complete for the backend', async (t) => {
  const { gateway, backend } = await setScene(t)
  await sendRaw(gateway.url, `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n${smuggled}`, 2_000)
  t.same(backend.requests, [])
})

t.test('a head that is too large is refused by name', async (t) => {
  const { gateway } = await setScene(t)
  const answer = await sendRaw(
    gateway.url,
    `GET /api2 HTTP/1.1\r\nHost: a\r\nX-A: ${'b'.repeat(20_000)}\r\n\r\n`,
  )
  t.equal(answer.status, 431)
  t.match(answer.body, /"code":"headers-too-large"/)
  t.notMatch(answer.body, 'request_id', 'it never became a request')
  t.match(
    gateway.logLines.join(''),
    /"error":"headers-too-large","reason":"HPE_HEADER_OVERFLOW"/,
    'and leaves a line',
  )
})
