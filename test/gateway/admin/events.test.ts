import { exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import type { IdentitySettings } from '../../../gateway/config/settings.ts'
import { startTestAdmin } from '../../support/admin.ts'
import { sessionRevoked, startTestTransmitter } from '../../support/event-transmitter.ts'

t.test('a session that is revoked revokes the user, and the answer comes when it is announced', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push, recorder, readMetrics } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const response = await push(await transmitter.sign())
  t.equal(response.status, 202)
  t.equal(await response.text(), '')
  t.same(recorder.announced, [{ target: { kind: 'user', id: 'ann' }, effect: 'revoke' }])
  t.equal(transmitter.countFetches(), 1)
  t.match(await readMetrics(), /^passerelle_security_events_total\{outcome="taken"\} 1$/m)
})

t.test('an event that is delivered again is acknowledged again, and taken once', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push, recorder, readMetrics } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const token = await transmitter.sign()
  t.equal((await push(token)).status, 202)
  t.equal((await push(token)).status, 202)
  t.equal(recorder.announced.length, 1)
  t.match(await readMetrics(), /^passerelle_security_events_total\{outcome="repeated"\} 1$/m)
})

t.test(
  'an event that did not reach every process is answered with 503, and taken when it comes again',
  async (t) => {
    const transmitter = await startTestTransmitter(t)
    const { push, recorder } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
    const token = await transmitter.sign()
    recorder.isDown = true
    const refused = await push(token)
    t.equal(refused.status, 503)
    t.equal(refused.headers.get('retry-after'), '1')
    recorder.isDown = false
    t.equal((await push(token)).status, 202)
    t.equal(recorder.announced.length, 2)
  },
)

t.test(
  'an event that asks nothing of a gateway is acknowledged: a verification, an unknown type',
  async (t) => {
    const transmitter = await startTestTransmitter(t)
    const { push, recorder, readMetrics } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
    const events = [
      { 'https://schemas.openid.net/secevent/ssf/event-type/verification': { state: 'x' } },
      { 'https://example.com/something-else': { any: ['thing'] } },
      JSON.parse('{"__proto__":{}}'),
      { constructor: {} },
    ]
    const stream = { format: 'opaque', id: 'stream-1' }
    for (const event of events)
      t.equal((await push(await transmitter.sign({ claims: { events: event, sub_id: stream } }))).status, 202)
    t.same(recorder.announced, [])
    t.match(await readMetrics(), /^passerelle_security_events_total\{outcome="ignored"\} 4$/m)
  },
)

t.test(
  'an event about a subject that no gateway can name is acknowledged, and told in the log',
  async (t) => {
    const transmitter = await startTestTransmitter(t)
    const { push, recorder, logLines } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
    const email = { format: 'email', email: 'ann@example.com' }
    t.equal((await push(await transmitter.sign({ claims: { sub_id: email } }))).status, 202)
    t.same(recorder.announced, [])
    t.match(logLines.join(''), /"outcome":"unnameable"/)
    t.notMatch(logLines.join(''), /ann@/)
  },
)

t.test(
  'claims that have changed are asked for again; where tokens hold them, those are revoked',
  async (t) => {
    const transmitter = await startTestTransmitter(t)
    const transmitters = [transmitter.settings]
    const changed = {
      'https://schemas.openid.net/secevent/caep/event-type/token-claims-change': { claims: {} },
    }
    for (const whenChanged of ['refresh', 'revoke'] as const) {
      const { push, recorder } = await startTestAdmin(t, { transmitters, whenChanged })
      t.equal((await push(await transmitter.sign({ claims: { events: changed } }))).status, 202)
      t.same(recorder.announced, [{ target: { kind: 'user', id: 'ann' }, effect: whenChanged }])
    }
  },
)

t.test(
  'of several transmitters each is known by issuer and audience, and verified by its own keys',
  async (t) => {
    const [one, other] = [await startTestTransmitter(t), await startTestTransmitter(t)]
    const second = { ...other.settings, audience: 'https://second.example/' }
    const { push, recorder } = await startTestAdmin(t, { transmitters: [one.settings, second] })
    t.equal((await push(await one.sign())).status, 202)
    t.equal((await push(await other.sign({ claims: { aud: ['x', second.audience] } }))).status, 202)
    const crossed = await push(await one.sign({ claims: { aud: second.audience } }))
    t.match(await crossed.json(), { err: 'invalid_key' })
    t.equal(recorder.announced.length, 2)
  },
)

t.test('a new key of the transmitter is found by one fetch, and its outage is a 503', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const clock = { now: Date.now() }
  const { push } = await startTestAdmin(t, {
    transmitters: [transmitter.settings],
    clock: () => clock.now,
  })
  transmitter.isDown = true
  const early = await push(await transmitter.sign())
  t.equal(early.status, 503)
  t.ok(early.headers.get('retry-after'))
  transmitter.isDown = false
  clock.now += 11_000
  t.equal((await push(await transmitter.sign())).status, 202)

  const { privateKey, publicKey } = await generateKeyPair('ES256')
  transmitter.published.push({ ...(await exportJWK(publicKey)), kid: 'second', alg: 'ES256' })
  clock.now += 11_000
  const before = transmitter.countFetches()
  const rotated = { header: { kid: 'second' }, key: privateKey }
  t.equal((await push(await transmitter.sign(rotated))).status, 202)
  t.equal((await push(await transmitter.sign(rotated))).status, 202)
  for (let i = 0; i < 20; i += 1)
    t.not((await push(await transmitter.sign({ header: { kid: `unknown-${i}` } }))).status, 202)
  t.equal(transmitter.countFetches(), before + 1, 'whatever keys are claimed')
})

t.test('a request that is no pushed event is refused in the form of RFC 8935', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push, recorder } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const token = await transmitter.sign()
  const cases = [
    [await push(token, { 'content-type': 'application/json' }), 415],
    [await push(token, { 'content-type': 'application/jwt' }), 415],
    [await push(token, { 'content-encoding': 'gzip' }), 415],
    [await push('a'.repeat(20_000)), 413],
    [await push(''), 400],
    [await push('not a token'), 400],
    [await push('a.b.c'), 400],
    [await push(`${token}.x.y`), 400],
    [await push(`"${token}"`), 400],
  ] as const
  for (const [response, status] of cases) {
    t.equal(response.status, status)
    t.equal(response.headers.get('content-language'), 'en')
    t.match(response.headers.get('content-type') ?? '', /^application\/json/)
    t.match(await response.json(), { err: 'invalid_request', description: String })
  }
  t.same(recorder.announced, [])
})

t.test('a verified token whose claims are no event is refused with the rule', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push, recorder } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const one = { [sessionRevoked]: {} }
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ events: undefined }, /events/],
    [{ events: [] }, /events must be an object/],
    [{ events: {} }, /1 to 10/],
    [{ events: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`e${i}`, {}])) }, /1 to 10/],
    [{ events: { [sessionRevoked]: null } }, /each event/],
    [{ events: one, sub_id: undefined }, /subject is missing/],
    [{ sub_id: 'ann' }, /must be an object/],
    [{ sub_id: null }, /subject is missing/],
    [{ sub_id: { sub: 'ann' } }, /format/],
    [{ sub_id: { format: 'iss_sub', sub: 'ann' } }, /iss must/],
    [{ sub_id: { format: 'iss_sub', iss: 'x', sub: 7 } }, /sub must/],
    [{ sub_id: { format: 'opaque', id: 'a\nb' } }, /id must/],
    [{ sub_id: { format: 'opaque', id: 'a'.repeat(257) } }, /id must/],
    [{ sub_id: undefined, sub: 7 }, /must be a text/],
    [{ sub_id: { format: 'aliases', identifiers: [] } }, /identifiers/],
    [{ sub_id: { format: 'aliases', identifiers: [{ format: 'aliases', identifiers: [] }] } }, /simple/],
    [{ sub_id: { format: 'complex', user: { format: 'complex' } } }, /simple/],
    [{ jti: undefined }, /jti/],
    [{ jti: '' }, /jti/],
    [{ jti: 'j'.repeat(257) }, /jti/],
    [{ iat: undefined }, /iat/],
    [{ iat: 'now' }, /iat/],
    [{ iat: Math.floor(Date.now() / 1_000) + 3_600 }, /iat/],
    [{ iat: Math.floor(Date.now() / 1_000) - 8 * 24 * 3_600 }, /iat/],
    [{ exp: 1 }, /exp/],
  ]
  for (const [claims, rule] of cases) {
    const response = await push(await transmitter.sign({ claims }))
    t.equal(response.status, 400, JSON.stringify(claims).slice(0, 80))
    const { err, description } = (await response.json()) as { err: string; description: string }
    t.equal(err, 'invalid_request')
    t.match(description, rule)
  }
  t.same(recorder.announced, [])
})

t.test('an event about a user of an issuer that nobody has configured is refused, and says so', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { issuer } = transmitter.settings
  const jwt = (name: string, issuer: string): IdentitySettings => ({
    kind: 'jwt',
    name,
    issuer,
    audience: 'a',
    jwks: undefined,
    algorithms: ['ES256'],
    clockToleranceMs: 0,
    keysMaxAgeMs: 60_000,
    keysMaxStaleMs: 60_000,
    tokenEndpoint: undefined,
    revocationEndpoint: undefined,
  })
  const { push, recorder } = await startTestAdmin(t, {
    transmitters: [transmitter.settings],
    identities: [jwt('partners', 'https://partners.example/'), jwt('staff', issuer)],
  })
  const about = (iss: string) =>
    transmitter.sign({ claims: { sub_id: { format: 'iss_sub', iss, sub: 'ann' } } })
  for (const iss of ['https://else.example/', 'https://partners.example', issuer.toUpperCase()]) {
    const response = await push(await about(iss))
    t.equal(response.status, 400)
    const said = await response.json()
    t.match(said, { err: 'invalid_request', description: /^iss of the subject is neither/ })
    t.notMatch(JSON.stringify(said), /else\.example/)
  }
  t.same(recorder.announced, [])
  t.equal((await push(await about('https://partners.example/'))).status, 202)
  t.equal((await push(await about(issuer))).status, 202)
  t.same(
    recorder.announced.map(({ providers }) => providers),
    [['partners'], ['staff']],
  )
})
