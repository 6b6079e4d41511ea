/*
 * The attack: to make a gateway forget or refuse what it should not, or to keep it from hearing what it should. Whoever can
 * announce revocations can sign everybody out; whoever can guess the secret, forge a Security Event Token, pass another
 * token for one, or send an old one again, could. And what passes there (tokens, a secret) must not turn up in a log.
 * Known classes: algorithm confusion (RFC 8725 §2.1), cross-JWT confusion (§2.8), keys that a token brings along
 * (CVE-2018-0114), replay, and secrets compared in a time that tells of them.
 */
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import t from 'tap'
import { adminSecret, startTestAdmin } from '../support/admin.ts'
import { startTestTransmitter } from '../support/event-transmitter.ts'
import { sendRaw } from '../support/raw-client.ts'

t.test('who does not present the secret announces nothing, whatever it presents', async (t) => {
  const { revoke, recorder } = await startTestAdmin(t)
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${adminSecret}`,
    adminSecret,
    `Bearer ${adminSecret}x`,
    `Bearer ${adminSecret.slice(0, -1)}`,
    `Bearer ${adminSecret.toUpperCase()}`,
    `Bearer ${adminSecret}, Bearer x`,
    'Bearer undefined',
  ]
  for (const authorization of wrong) {
    const response = await revoke({ all: true }, { authorization })
    t.equal(response.status, 401, authorization)
    t.match(response.headers.get('www-authenticate'), /^Bearer /)
    t.match(await response.json(), { code: 'secret-missing' })
  }
  t.same(recorder.announced, [])
})

t.test(
  'without a secret in the configuration the endpoint is closed, and says which option opens it',
  async (t) => {
    const { revoke, recorder } = await startTestAdmin(t, { secret: undefined })
    for (const authorization of ['Bearer undefined', 'Bearer ', '']) {
      const response = await revoke({ all: true }, { authorization })
      t.equal(response.status, 403)
      t.match(await response.json(), { code: 'secret-unset', title: /revocation\.secret/ })
    }
    t.same(recorder.announced, [])
  },
)

t.test('guessing fills no log, and locks out nobody who knows the secret', async (t) => {
  const clock = { now: Date.now() }
  const { revoke, recorder, logLines, readMetrics } = await startTestAdmin(t, { clock: () => clock.now })
  const guess = () => revoke({ all: true }, { authorization: 'Bearer guess' })
  const statuses = []
  for (let i = 0; i < 40; i += 1) statuses.push((await guess()).status)
  t.same(statuses, [...Array(10).fill(401), ...Array(30).fill(429)])
  t.equal((await guess()).headers.get('retry-after'), '60')
  t.equal(logLines.filter((line) => line.includes('refused')).length, 10)
  t.equal((await revoke({ all: true })).status, 204, 'the right secret passes all the same')
  t.equal(recorder.announced.length, 1)
  t.match(await readMetrics(), /endpoint="revocations",reason="too-many-failures"\} 31$/m)
  clock.now += 60_000
  t.equal((await guess()).status, 401)
})

t.test('a request without the secret is refused before its body is read', async (t) => {
  const { url } = await startTestAdmin(t)
  const answer = await sendRaw(
    url,
    'POST /revocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n',
    500,
  )
  t.equal(answer.status, 401)
})

t.test('a token that the transmitter did not sign for this gateway revokes nothing', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push, recorder } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const { sign, settings, published } = transmitter
  const stranger = await generateKeyPair('ES256', { extractable: true })
  const strangerJwk = { ...(await exportJWK(stranger.publicKey)), kid: 'first' }
  const publicKey = await importJWK(published[0] as JWK, 'ES256', { extractable: true })
  const spki = await exportSPKI(publicKey as CryptoKey)
  const claims = {
    iss: settings.issuer,
    aud: settings.audience,
    iat: Math.floor(Date.now() / 1_000),
    jti: 'forged',
    sub_id: { format: 'opaque', id: 'ann' },
    events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} },
  }
  const hmac = (secret: string) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'first', typ: 'secevent+jwt' })
      .sign(Buffer.from(secret))
  const good = await sign()
  const [head = '', body = '', signature = ''] = good.split('.')
  const unsigned = new UnsecuredJWT(claims).encode()
  const none = Buffer.from('{"alg":"none","typ":"secevent+jwt"}').toString('base64url')
  const changed = Buffer.from(JSON.stringify({ ...claims, sub_id: { format: 'opaque', id: 'bob' } }))
  const attacks: readonly (readonly [string, string, string])[] = [
    ['signed by a stranger', await sign({ key: stranger.privateKey }), 'invalid_key'],
    [
      'that brings its key along',
      await sign({ key: stranger.privateKey, header: { jwk: strangerJwk } }),
      'invalid_key',
    ],
    [
      'that says where its key is',
      await sign({ key: stranger.privateKey, header: { jku: settings.jwks, kid: 'else' } }),
      'invalid_key',
    ],
    ['signed with the public key as a secret', await hmac(spki), 'invalid_key'],
    ['signed with the published key as a secret', await hmac(JSON.stringify(published[0])), 'invalid_key'],
    ['unsigned', unsigned, 'invalid_request'],
    ['unsigned, and typed', `${none}.${unsigned.split('.')[1]}.`, 'invalid_key'],
    ['whose signature is left out', `${head}.${body}.`, 'invalid_key'],
    ['whose claims were changed', `${head}.${changed.toString('base64url')}.${signature}`, 'invalid_key'],
    ['of another issuer', await sign({ claims: { iss: 'https://evil.example/' } }), 'invalid_issuer'],
    ['without an issuer', await sign({ claims: { iss: undefined } }), 'invalid_issuer'],
    ['whose issuer is a list', await sign({ claims: { iss: [settings.issuer] } }), 'invalid_issuer'],
    ['for another audience', await sign({ claims: { aud: 'https://else.example/' } }), 'invalid_audience'],
    ['without an audience', await sign({ claims: { aud: undefined } }), 'invalid_audience'],
    ['that is an access token', await sign({ header: { typ: 'at+jwt' } }), 'invalid_request'],
    ['that is an ID token', await sign({ header: { typ: 'JWT' } }), 'invalid_request'],
    ['that is a logout token', await sign({ header: { typ: 'logout+jwt' } }), 'invalid_request'],
    ['without a type', await sign({ header: { typ: undefined } }), 'invalid_request'],
    ['with a critical extension', await withCritical(sign), 'invalid_request'],
  ]
  for (const [attack, token, err] of attacks) {
    const response = await push(token)
    t.equal(response.status, 400, attack)
    t.match(await response.json(), { err, description: String }, attack)
  }
  t.same(recorder.announced, [])
  t.equal((await push(good)).status, 202)
})

/** An extension that no receiver here understands, signed as the transmitter's own. */
async function withCritical(sign: Awaited<ReturnType<typeof startTestTransmitter>>['sign']): Promise<string> {
  const [, body = '', signature = ''] = (await sign()).split('.')
  const header = { alg: 'ES256', kid: 'first', typ: 'secevent+jwt', crit: ['else'], else: true }
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${body}.${signature}`
}

t.test('a captured event that is sent again signs nobody out again', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const clock = { now: Date.now() }
  const { push, recorder } = await startTestAdmin(t, {
    transmitters: [transmitter.settings],
    clock: () => clock.now,
  })
  const token = await transmitter.sign()
  for (let i = 0; i < 3; i += 1) t.equal((await push(token)).status, 202)
  t.equal(recorder.announced.length, 1)
  // Long after, when its id may be forgotten.
  const second = await startTestAdmin(t, {
    transmitters: [transmitter.settings],
    clock: () => clock.now + 8 * 24 * 3_600_000,
  })
  t.equal((await second.push(token)).status, 400)
  t.same(second.recorder.announced, [])
})

t.test('garbage costs the transmitter nothing: no key set is fetched for it', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const { push } = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  for (const token of ['x', 'a.b.c', await transmitter.sign({ claims: { iss: 'https://evil.example/' } })])
    await push(token)
  t.equal(transmitter.countFetches(), 0)
})

t.test('no token, no secret and nobody’s name shows in a log line, a figure or an answer', async (t) => {
  const transmitter = await startTestTransmitter(t)
  const admin = await startTestAdmin(t, { transmitters: [transmitter.settings] })
  const { push, revoke, recorder, logLines, readMetrics, url } = admin
  const sentinel = 'SENTINEL0SENTINEL'
  const answers: string[] = []
  const keep = async (response: Response) =>
    answers.push(JSON.stringify([...response.headers]), await response.text())
  const bodies = [
    { token: sentinel },
    { client: sentinel },
    { user: sentinel },
    { token: `${sentinel} x` },
    { [sentinel]: true },
    { client: sentinel, effect: sentinel },
    `${sentinel}{`,
    `{"client":${sentinel}}`,
  ]
  for (const isDown of [false, true]) {
    recorder.isDown = isDown
    for (const body of bodies) {
      await keep(await revoke(body))
      await keep(await revoke(body, { authorization: `Bearer ${sentinel}` }))
      await keep(await revoke(body, { 'content-type': `text/${sentinel}` }))
    }
    const claims = [
      { sub_id: { format: 'opaque', id: sentinel } },
      { sub_id: { format: sentinel, id: 'x' } },
      { sub_id: { format: 'opaque', id: `${sentinel}\n` } },
      { sub_id: { format: 'email', email: sentinel } },
      { events: { [sentinel]: {} } },
      { events: sentinel },
      { iss: sentinel },
      { aud: sentinel },
      { iat: sentinel },
      { jti: sentinel.repeat(50) },
    ]
    for (const each of claims) await keep(await push(await transmitter.sign({ claims: each })))
    await keep(await push(await transmitter.sign({ header: { kid: sentinel } })))
    await keep(await push(sentinel))
    await keep(await fetch(`${url}/revocations?token=${sentinel}`, { method: 'POST' }))
  }
  const sinks = {
    'the log': logLines.join(''),
    'the answers': answers.join('\n'),
    'the metrics': await readMetrics(),
  }
  for (const [name, text] of Object.entries(sinks)) {
    t.ok(text.length > 500, `${name} holds something`)
    t.notMatch(text, /SENTINEL/, name)
    t.notMatch(text, new RegExp(adminSecret), name)
  }
})
