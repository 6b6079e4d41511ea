import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { AdminRefusal } from '../../../gateway/admin/refusal.ts'
import { parseRevocation } from '../../../gateway/admin/revocation-request.ts'
import { adminSecret, startTestAdmin } from '../../support/admin.ts'

/** Of `abc`, from FIPS 180-2 appendix B.1. */
const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

t.test('each way to say whose tokens are no longer good is announced, and answered when it is', async (t) => {
  const { revoke, recorder } = await startTestAdmin(t)
  const bodies = [
    [{ token: 'abc.DEF-1' }, { target: { kind: 'token', token: 'abc.DEF-1' }, effect: 'revoke' }],
    [
      { token_hash: digest },
      { target: { kind: 'token-hash', hash: digest, expiresAtMs: undefined }, effect: 'revoke' },
    ],
    [
      { token_hash: digest, expires_at: 1_800_000_000 },
      { target: { kind: 'token-hash', hash: digest, expiresAtMs: 1_800_000_000_000 }, effect: 'revoke' },
    ],
    [{ client: 'Tracks' }, { target: { kind: 'client', id: 'Tracks' }, effect: 'revoke' }],
    [{ user: 'ann é' }, { target: { kind: 'user', id: 'ann é' }, effect: 'revoke' }],
    [{ all: true }, { target: { kind: 'all' }, effect: 'revoke' }],
    [
      { client: 'T', effect: 'refresh' },
      { target: { kind: 'client', id: 'T' }, effect: 'refresh' },
    ],
    [
      { effect: 'revoke', all: true },
      { target: { kind: 'all' }, effect: 'revoke' },
    ],
  ] as const
  for (const [body, announced] of bodies) {
    const response = await revoke(body)
    t.equal(response.status, 204)
    t.equal(await response.text(), '')
    t.strictSame(recorder.announced.pop(), announced)
  }
})

t.test('where tokens are checked here, what has changed about their holder is revoked', async (t) => {
  const { revoke, recorder } = await startTestAdmin(t, { whenChanged: 'revoke' })
  const bodies = [
    [{ client: 'T' }, 'revoke'],
    [{ user: 'ann' }, 'revoke'],
    [{ all: true }, 'refresh'],
    [{ token: 'abc' }, 'refresh'],
  ] as const
  for (const [body, effect] of bodies) {
    await revoke({ ...body, effect: 'refresh' })
    t.equal(recorder.announced.pop()?.effect, effect)
  }
})

t.test('what not all processes heed is answered with 503, so that it is sent again', async (t) => {
  const { revoke, recorder, logLines, readMetrics } = await startTestAdmin(t)
  recorder.isDown = true
  const response = await revoke({ client: 'Tracks' })
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '1')
  t.match(await response.json(), { code: 'not-everywhere', status: 503 })
  recorder.isDown = false
  t.equal((await revoke({ client: 'Tracks' })).status, 204)
  t.equal(recorder.announced.length, 2)
  t.match(logLines.join(''), /"outcome":"only-here","reason":"the store is gone"/)
  const metrics = await readMetrics()
  const said = 'source="endpoint",target="client",effect="revoke"'
  t.match(metrics, new RegExp(`^passerelle_revocations_total\\{${said},outcome="only-here"\\} 1$`, 'm'))
  t.match(metrics, new RegExp(`^passerelle_revocations_total\\{${said},outcome="everywhere"\\} 1$`, 'm'))
})

t.test('the answer comes when the announcement has arrived, and not before', async (t) => {
  const { revoke, recorder } = await startTestAdmin(t)
  let arrive = () => {}
  recorder.until = new Promise<void>((resolve) => {
    arrive = resolve
  })
  let isAnswered = false
  const answer = revoke({ all: true }).then((response) => {
    isAnswered = true
    return response
  })
  while (recorder.announced.length === 0) await new Promise(setImmediate)
  t.notOk(isAnswered)
  arrive()
  t.equal((await answer).status, 204)
})

t.test('more announcements than the store can take at once are told to come again', async (t) => {
  const { revoke, recorder } = await startTestAdmin(t)
  let arrive = () => {}
  recorder.until = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const answers = Array.from({ length: 250 }, (_, i) => revoke({ client: `c${i}` }))
  const further = Array.from({ length: 10 }, (_, i) => recorder.intake.take('endpoint', clientRevocation(i)))
  while (recorder.announced.length < 260) await new Promise(setImmediate)
  arrive()
  t.ok((await Promise.all(answers)).every(({ status }) => status === 204))
  t.ok((await Promise.all(further)).every((isEverywhere) => isEverywhere))

  recorder.until = new Promise(() => undefined)
  for (let i = 0; i < 256; i += 1) void recorder.intake.take('endpoint', clientRevocation(i))
  t.equal(await recorder.intake.take('endpoint', clientRevocation(0)), false)
  t.match(recorder.reports.at(-1), { outcome: 'refused' })
})

const clientRevocation = (i: number) =>
  ({ target: { kind: 'client', id: `d${i}` }, effect: 'revoke' }) as const

t.test(
  'a body that is not exactly of the form is refused with the rule, and nothing is announced',
  async (t) => {
    const { revoke, recorder } = await startTestAdmin(t)
    const bodies: readonly (readonly [string, RegExp])[] = [
      ['', /JSON/],
      ['{"client":', /JSON/],
      ['[]', /object/],
      ['[{"client":"a"}]', /object/],
      ['null', /object/],
      ['"all"', /object/],
      ['{}', /exactly one/],
      ['{"effect":"revoke"}', /exactly one/],
      ['{"client":"a","user":"b"}', /exactly one/],
      ['{"client":"a","client":"b"}', /repeated/],
      ['{"client":"a","\\u0063lient":"b"}', /repeated/],
      ['{"all":false}', /all must be true/],
      ['{"all":1}', /all must be true/],
      ['{"client":""}', /client must be an id/],
      ['{"client":7}', /client must be an id/],
      ['{"client":null}', /client must be an id/],
      ['{"client":{"id":"a"}}', /plain/],
      ['{"client":["a"]}', /client must be an id/],
      ['{"user":"a\\nb"}', /user must be an id/],
      ['{"user":"a\\u0000"}', /user must be an id/],
      ['{"user":"\\ud800"}', /user must be an id/],
      [`{"user":"${'a'.repeat(257)}"}`, /user must be an id/],
      ['{"token":"a b"}', /token must be/],
      ['{"token":""}', /token must be/],
      [`{"token":"${'a'.repeat(4097)}"}`, /token must be/],
      ['{"token_hash":"abc"}', /token_hash must be/],
      [`{"token_hash":"${digest.toUpperCase()}"}`, /token_hash must be/],
      [`{"token_hash":["${digest}"]}`, /token_hash must be/],
      [`{"token":"a","token_hash":"${digest}"}`, /exactly one/],
      [`{"token_hash":"${digest}","expires_at":"1800000000"}`, /expires_at must be/],
      [`{"token_hash":"${digest}","expires_at":-1}`, /expires_at must be/],
      [`{"token_hash":"${digest}","expires_at":1e999}`, /expires_at must be/],
      ['{"client":"a","expires_at":1800000000}', /expires_at goes with/],
      ['{"all":true,"effect":"forget"}', /effect must be/],
      ['{"all":true,"effect":null}', /effect must be/],
      ['{"all":true,"reason":"x"}', /members may be/],
      ['{"all":true,"__proto__":{"effect":"refresh"}}', /plain/],
      ['{"__proto__":{"all":true}}', /plain/],
      ['{"__proto__":true}', /members may be/],
      ['{"constructor":"a"}', /members may be/],
    ]
    for (const [body, rule] of bodies) {
      const response = await revoke(body)
      t.equal(response.status, 400, body.slice(0, 60))
      t.equal(response.headers.get('content-type'), 'application/problem+json')
      const problem = (await response.json()) as { code: string; detail?: string }
      t.equal(problem.code, 'body-malformed')
      if (body !== '') t.match(problem.detail, rule)
    }
    t.same(recorder.announced, [])
  },
)

t.test('a body that is too large, compressed or of another type is not read', async (t) => {
  const { revoke, url, recorder } = await startTestAdmin(t)
  t.equal((await revoke(`{"client":"a"}${' '.repeat(9_000)}`)).status, 413)
  t.equal((await revoke('all=true', { 'content-type': 'application/x-www-form-urlencoded' })).status, 415)
  t.equal((await revoke({ all: true }, { 'content-type': 'text/plain' })).status, 415)
  const compressed = await fetch(`${url}/revocations`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${adminSecret}`,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    },
    body: gzipSync('{"all":true}'),
  })
  t.equal(compressed.status, 415)
  t.same(recorder.announced, [])
})

t.test('a body that breaks off announces nothing', async (t) => {
  const { url, recorder, revoke } = await startTestAdmin(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(
    `POST /revocations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${adminSecret}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"all":true}',
  )
  await new Promise((resolve) => socket.on('connect', resolve))
  socket.destroy()
  t.equal((await revoke({ client: 'after' })).status, 204)
  t.equal(recorder.announced.length, 1)
})

t.test('any text is read as one revocation of the form, or refused', (t) => {
  const json = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .dictionary(
        fc.constantFrom('token', 'client', 'user', 'all', 'effect', '__proto__', 'x'),
        fc.oneof(fc.string(), fc.constant(true), fc.constant('revoke'), fc.jsonValue()),
        { maxKeys: 3 },
      )
      .map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(json, (text) => {
      try {
        const { target, effect } = parseRevocation(text)
        const { effect: _effect, ...named } = JSON.parse(text)
        t.same(Object.keys(named), [target.kind])
        t.ok(effect === 'revoke' || effect === 'refresh')
        t.equal(Object.values(named)[0], 'id' in target ? target.id : 'token' in target ? target.token : true)
      } catch (error) {
        if (!(error instanceof AdminRefusal)) throw error
      }
    }),
    { numRuns: 2_000 },
  )
  t.end()
})
