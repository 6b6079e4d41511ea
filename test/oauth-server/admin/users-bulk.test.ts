import { Readable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { readLines } from '../../../oauth-server/users/lines.ts'
import { createAdmin } from '../../support/admin-client.ts'
import { startTestServer } from '../../support/oauth-server.ts'

t.test(
  'a bulk is read as it comes: others are answered meanwhile, and it is not held as a whole',
  async (t) => {
    const server = await startTestServer(t)
    const { call, token } = await createAdmin(server)
    let isSending = true
    const sent = { lines: 0 }
    async function* lines() {
      for (; sent.lines < 20_000; sent.lines += 1)
        yield Buffer.from(
          `${JSON.stringify({ username: `user-${sent.lines}`, display_name: 'x'.repeat(90) })}\n`,
        )
    }
    const bulk = fetch(`${server.adminUrl}/users/bulk`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      body: Readable.toWeb(Readable.from(lines())) as ReadableStream,
      duplex: 'half',
    } as RequestInit).finally(() => {
      isSending = false
    })
    let looks = 0
    while (isSending) {
      const { status, body } = await call('GET /users?limit=200&username=user-1')
      t.equal(status, 200)
      if (isSending && body.items.length > 0) looks += 1
    }
    t.ok(looks > 5, `${looks} lists were answered while users came in`)
    t.match(await (await bulk).json(), { created: 20_000, updated: 0, unchanged: 0, failed: 0, errors: [] })
  },
)

t.test('lines that are wrong are told with their number, and never more than a thousand', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  const ndjson = { 'content-type': 'application/x-ndjson' }
  const wrong = await call('POST /users/bulk', `${'{}\n'.repeat(1_200)}{"username":"ann"}`, ndjson)
  t.match(wrong.body, {
    created: 1,
    failed: 1_200,
    errors: [{ line: 1, member: 'username', rule: 'is missing' }],
  })
  t.equal(wrong.body.errors.length, 1_000)
  const hostile = [
    'null',
    '[]',
    '"x"',
    '{"username":1}',
    '{"username":"x","disabled":"no"}',
    '{"username":"x","entitlements":["a b"]}',
    '{"username":"x","password_hash":"$2b$10$abc"}',
    '{"username":"x","__proto__":{"admin":true}}',
    `{"username":"x","display_name":"${'y'.repeat(20_000)}"}`,
    '{"username":"\\u0000"}',
  ]
  const { status, body } = await call('POST /users/bulk', hostile.join('\r\n'), ndjson)
  t.equal(status, 200)
  t.match(body, { created: 0, failed: hostile.length })
  t.notMatch(JSON.stringify(body), /\$2b/, 'and no hash is repeated')
  t.equal((await call('POST /users/bulk', { username: 'x' })).status, 415, 'JSON alone is no lines')
})

t.test('lines come out as they went in, however the bytes are cut', async (t) => {
  const text = fc.array(
    fc.string({ unit: 'grapheme', maxLength: 30 }).map((line) => line.replaceAll('\n', '')),
  )
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 40 }), async (lines, size) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const read: string[] = []
      for await (const { text } of readLines(cut(bytes, size), 10_000)) read.push(text ?? '(not UTF-8)')
      t.strictSame(read, lines)
    }),
    { numRuns: 200 },
  )
  const long: unknown[] = []
  for await (const line of readLines(cut(Buffer.from(`${'x'.repeat(50)}\nab\n\xff`, 'latin1'), 7), 10))
    long.push(line)
  t.strictSame(long, [
    { number: 1, text: undefined, fault: 'too-long' },
    { number: 2, text: 'ab', fault: undefined },
    { number: 3, text: undefined, fault: 'not-utf8' },
  ])
})

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
