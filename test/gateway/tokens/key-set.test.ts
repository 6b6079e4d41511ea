import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { startBackendRecorder } from '../../support/backend-recorder.ts'
import { type GatewayUnderTest, startTestGateway } from '../../support/gateway.ts'
import { makeKey, startIssuer, type TestIssuer, testAudience } from '../../support/issuer.ts'

interface KeyScene {
  readonly issuer: TestIssuer
  readonly gateway: GatewayUnderTest
  /** Calls with a token; resolves to the status. */
  call(token: string): Promise<number>
  /** Moves the clock of gateway and issuer. */
  pass(seconds: number): void
  /** Waits until the key set was fetched so often; a fetch may be in the background. */
  fetched(times: number): Promise<void>
}

interface KeySceneOptions {
  readonly jwt?: (issuer: TestIssuer) => Readonly<Record<string, unknown>>
  readonly prepare?: (issuer: TestIssuer) => void
}

/** A gateway whose clock the test moves. It has fetched the issuer's keys once when this resolves. */
async function setKeyScene(t: Test, { jwt, prepare }: KeySceneOptions = {}): Promise<KeyScene> {
  let nowMs = 1_800_000_000_000
  const clock = () => nowMs
  const issuer = await startIssuer(clock)
  prepare?.(issuer)
  const backend = await startBackendRecorder()
  const options = jwt?.(issuer) ?? { issuer: issuer.url, jwks: issuer.jwksUrl }
  const gateway = await startTestGateway(
    {
      identity: { jwt: { audience: testAudience, keysMaxAge: '10m', keysMaxStale: '1h', ...options } },
      routes: { '/': { to: backend.url } },
      timeouts: { identity: '500ms' },
      tokenLookUps: { perAddress: '100000/1s', total: '100000/1s' },
    },
    clock,
  )
  t.teardown(() => Promise.all([gateway.close(), issuer.close(), backend.close()]))
  const scene: KeyScene = {
    issuer,
    gateway,
    call: async (token) => {
      const response = await fetch(gateway.url, { headers: { authorization: `Bearer ${token}` } })
      await response.text()
      return response.status
    },
    pass: (seconds) => {
      nowMs += seconds * 1_000
    },
    fetched: (times) => until(() => countFetches(gateway) >= times),
  }
  await scene.fetched(1)
  return scene
}

/** How many fetches have ended, well or not: each leaves a line in the log. */
function countFetches({ logLines }: GatewayUnderTest): number {
  return logLines.filter(
    (line) => line.includes('key set was fetched') || line.includes('key set cannot be had'),
  ).length
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waits = 0; !isSo(); waits += 1) {
    if (waits > 1_000) throw new Error('it did not come')
    await sleep(10)
  }
}

t.test('1,000 calls with new tokens cost one fetch of the keys, made before the first', async (t) => {
  const { issuer, call } = await setKeyScene(t)
  t.equal(issuer.fetches(), 1)
  for (let round = 0; round < 10; round += 1) {
    const tokens = await Promise.all(Array.from({ length: 100 }, () => issuer.sign()))
    const statuses = await Promise.all(tokens.map(call))
    t.ok(statuses.every((status) => status === 200))
  }
  t.equal(issuer.fetches(), 1)
})

t.test('old keys are fetched again in the background, once', async (t) => {
  const { issuer, call, pass, fetched } = await setKeyScene(t)
  pass(599)
  t.equal(await call(await issuer.sign()), 200)
  t.equal(issuer.fetches(), 1)
  pass(1)
  // The issuer takes its time, and nobody waits for it.
  let release = () => undefined as unknown
  issuer.recorder.answer = (_request, response) => {
    release = () => response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }))
  }
  const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign()))
  t.same(new Set(await Promise.all(tokens.map(call))), new Set([200]))
  await until(() => issuer.fetches() === 2)
  release()
  await fetched(2)
  t.equal(issuer.fetches(), 2)
})

t.test('keys are rotated without a failure', async (t) => {
  const { issuer, call, pass, fetched } = await setKeyScene(t)
  const [first, second] = [issuer.keys[0], await makeKey('RS256', 'second')]
  if (first === undefined) throw new Error('the issuer has no key')
  const statuses: number[] = []
  const callWithEach = async (...keys: (typeof first)[]) => {
    for (const key of keys) statuses.push(await call(await issuer.sign({ key })))
  }
  issuer.keys.push(second)
  await callWithEach(first)
  pass(600)
  await callWithEach(first)
  await fetched(2)
  await callWithEach(first, second)
  issuer.keys.shift()
  await callWithEach(first, second)
  pass(600)
  await callWithEach(second)
  await fetched(3)
  await callWithEach(second)
  t.ok(statuses.every((status) => status === 200))
  t.equal(
    await call(await issuer.sign({ key: first })),
    401,
    'a key that is withdrawn verifies nothing any more',
  )
})

t.test('a token by a key that is used before it was seen costs one fetch, and is let through', async (t) => {
  const { issuer, call, pass } = await setKeyScene(t)
  pass(10)
  issuer.keys.unshift(await makeKey('EdDSA', 'sudden'))
  const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign()))
  t.same(new Set(await Promise.all(tokens.map(call))), new Set([200]))
  t.equal(issuer.fetches(), 2)
})

t.test(
  'after a quiet time keys are fetched before a token is judged: one may have been withdrawn',
  async (t) => {
    const { issuer, call, pass } = await setKeyScene(t)
    const [stolen] = issuer.keys
    issuer.keys.splice(0, 1, await makeKey('ES256', 'second'))
    pass(1_200)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign({ key: stolen as never })))
    t.same(new Set(await Promise.all(tokens.map(call))), new Set([401]))
    t.equal(await call(await issuer.sign()), 200)
    t.equal(issuer.fetches(), 2)
  },
)

t.test('keys without a name are tried, at most ten of them', async (t) => {
  const unnamed = await Promise.all(Array.from({ length: 11 }, () => makeKey('ES256', '')))
  for (const { jwk } of unnamed) delete jwk.kid
  const { issuer, call, pass } = await setKeyScene(t, {
    prepare: ({ keys }) => keys.splice(0, 1, ...unnamed),
  })
  t.equal(await call(await issuer.sign({ key: unnamed[0] as never })), 200)
  t.equal(await call(await issuer.sign({ key: unnamed[9] as never })), 200)
  t.equal(await call(await issuer.sign({ key: unnamed[9] as never, header: { kid: 'whatever' } })), 200)
  t.equal(await call(await issuer.sign({ key: unnamed[10] as never })), 401)
  issuer.keys.splice(0, 11, await makeKey('ES256', ''))
  for (const { jwk } of issuer.keys) delete jwk.kid
  pass(10)
  t.equal(await call(await issuer.sign()), 200, 'a new key without a name is found as one with a name is')
})

t.test('a token by a key that is not known is refused within the cooldown, and asks nobody', async (t) => {
  const { issuer, call, pass } = await setKeyScene(t)
  const foreign = await makeKey('ES256', 'foreign')
  pass(9)
  t.equal(await call(await issuer.sign({ key: foreign })), 401)
  t.equal(issuer.fetches(), 1)
  pass(1)
  t.equal(await call(await issuer.sign({ key: foreign })), 401)
  t.equal(issuer.fetches(), 2)
  const impostor = await makeKey('ES256', 'first')
  pass(10)
  t.equal(await call(await issuer.sign({ key: impostor })), 401)
  t.equal(issuer.fetches(), 2, 'a bad signature by a known name is no reason to fetch')
})

t.test('a key set that is refused never takes the place of the last good one', async (t) => {
  const { issuer, call, pass, fetched, gateway } = await setKeyScene(t)
  const good = issuer.keys.map(({ jwk }) => jwk)
  const [key, privateKey, weak] = [await makeKey(), await makePrivate(), makeWeak()]
  const sets: readonly [string, unknown][] = [
    ['a string', 'keys'],
    ['null', null],
    ['an array', good],
    ['no keys', {}],
    ['keys that are no array', { keys: { 0: good[0] } }],
    ['an empty set', { keys: [] }],
    ['a key that is no object', { keys: [...good, null] }],
    ['a symmetric key', { keys: [...good, { kty: 'oct', k: 'c2VjcmV0' }] }],
    ['a private key', { keys: [privateKey] }],
    ['the same kid twice', { keys: [...good, key.jwk] }],
    ['a short RSA key', { keys: [weak] }],
    ['10,000 keys', { keys: Array.from({ length: 10_000 }, (_, kid) => ({ kty: 'EC', kid })) }],
    ['51 keys', { keys: Array.from({ length: 51 }, (_, kid) => ({ ...good[0], kid: `${kid}` })) }],
    ['keys for encryption', { keys: [{ ...good[0], use: 'enc' }] }],
    ['keys for another algorithm', { keys: [{ ...good[0], alg: 'ES384' }] }],
    ['keys to sign with', { keys: [{ ...good[0], key_ops: ['sign'] }] }],
    ['a point off the curve', { keys: [{ ...good[0], x: good[0]?.y }] }],
    ['members of other types', { keys: [{ kty: ['EC'], crv: {}, x: 1, y: [], kid: 'first' }] }],
    ['a kid of another type', { keys: [{ ...good[0], kid: 7 }] }],
  ]
  for (const [index, [name, set]] of sets.entries()) {
    issuer.documents.set('/jwks', () => set)
    pass(index === 0 ? 600 : 10)
    t.equal(await call(await issuer.sign()), 200, name)
    await fetched(index + 2)
    t.equal(await call(await issuer.sign()), 200, name)
  }
  t.equal(gateway.logLines.filter((line) => line.includes('key set cannot be had')).length, sets.length)
  t.notOk(gateway.logLines.join('').includes('c2VjcmV0'))
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  t.match(metrics, `passerelle_key_set_fetches_total{outcome="failed"} ${sets.length}\n`)
})

async function makePrivate() {
  return { ...(await exportJWK((await makeKey()).privateKey)), kid: 'first' }
}

function makeWeak() {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  return { ...publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256' }
}

t.test('keys that are for something else, or not understood, are left out of a good set', async (t) => {
  const { issuer, call, pass } = await setKeyScene(t)
  const sudden = await makeKey('ES256', 'sudden')
  const others = [
    { kty: 'unheard of', kid: 'first' },
    { ...sudden.jwk, use: 'enc' },
    { ...sudden.jwk, kid: 'x', alg: 'ES512' },
    makeWeak(),
  ]
  issuer.documents.set('/jwks', { keys: [...others, sudden.jwk] })
  pass(10)
  t.equal(await call(await issuer.sign({ key: sudden })), 200)
})

t.test(
  'the last good keys survive an outage within the bound, and after it there is no answer',
  async (t) => {
    const { issuer, call, pass, fetched } = await setKeyScene(t)
    issuer.recorder.answer = (request) => request.socket.destroy()
    pass(3_599)
    t.equal(await call(await issuer.sign()), 200)
    await fetched(2)
    t.equal(await call(await issuer.sign({ key: await makeKey('ES256', 'new') })), 503, 'it may be a new key')
    t.equal(issuer.fetches(), 2)
    pass(1)
    t.equal(await call(await issuer.sign()), 503, 'the keys are past the bound')
    issuer.recorder.answer = (_request, response) =>
      response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }))
    pass(1)
    t.equal(await call(await issuer.sign()), 200, 'the issuer is back')
  },
)

t.test('without any keys a token gets 503, and the issuer is asked once a second', async (t) => {
  const { issuer, call, pass } = await setKeyScene(t, {
    prepare: ({ documents }) => documents.delete('/jwks'),
  })
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => call(await issuer.sign())))
  t.same(new Set(statuses), new Set([503]))
  t.equal(issuer.fetches(), 1)
  issuer.documents.set('/jwks', { keys: issuer.keys.map(({ jwk }) => jwk) })
  pass(1)
  t.equal(await call(await issuer.sign()), 200)
})

t.test('a clock that is set back holds off neither the keys nor their fetching', async (t) => {
  const { issuer, call, pass, fetched } = await setKeyScene(t)
  pass(-86_400)
  t.equal(await call(await issuer.sign()), 200)
  await fetched(2)
  t.equal(await call(await issuer.sign()), 200)
  t.equal(issuer.fetches(), 2)
})

const discoverable = (paths: Readonly<Record<string, string>>): KeySceneOptions => ({
  jwt: ({ url }) => ({ issuer: `${url}${paths.issuer}` }),
  prepare: ({ url, jwksUrl, documents }) => {
    const issuer = `${url}${paths.issuer}`
    documents.set(paths.metadata ?? '', { issuer, jwks_uri: jwksUrl })
  },
})

for (const [name, paths] of Object.entries({
  'RFC 8414': { issuer: '', metadata: '/.well-known/oauth-authorization-server' },
  'RFC 8414, for an issuer with a path': {
    issuer: '/tenant/7',
    metadata: '/.well-known/oauth-authorization-server/tenant/7',
  },
  'RFC 8414, for an issuer that ends in a slash': {
    issuer: '/tenant/',
    metadata: '/.well-known/oauth-authorization-server/tenant',
  },
  'OpenID Connect': { issuer: '', metadata: '/.well-known/openid-configuration' },
  'OpenID Connect, for an issuer with a path': {
    issuer: '/tenant/7',
    metadata: '/tenant/7/.well-known/openid-configuration',
  },
})) {
  t.test(`the keys are found by the metadata of ${name}`, async (t) => {
    const { issuer, call } = await setKeyScene(t, discoverable(paths))
    t.equal(await call(await issuer.sign({ claims: { iss: issuer.url + paths.issuer } })), 200)
    t.equal(issuer.fetches(), 1)
  })
}

t.test('metadata that name another issuer, or no safe place of keys, are not believed', async (t) => {
  const oauth = '/.well-known/oauth-authorization-server'
  const metadata: readonly ((issuer: TestIssuer) => unknown)[] = [
    ({ jwksUrl }) => ({ issuer: 'https://evil.example', jwks_uri: jwksUrl }),
    ({ url, jwksUrl }) => ({ issuer: `${url}/`, jwks_uri: jwksUrl }),
    ({ url, jwksUrl }) => ({ issuer: [url], jwks_uri: jwksUrl }),
    ({ jwksUrl }) => ({ jwks_uri: jwksUrl }),
    ({ url }) => ({ issuer: url }),
    ({ url }) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
    ({ url }) => ({ issuer: url, jwks_uri: '/jwks' }),
    ({ url, jwksUrl }) => ({ issuer: url, jwks_uri: [jwksUrl] }),
    () => null,
    () => 'metadata',
  ]
  for (const make of metadata) {
    const { issuer, call } = await setKeyScene(t, {
      jwt: ({ url }) => ({ issuer: url }),
      prepare: (issuer) => issuer.documents.set(oauth, make(issuer) ?? (() => null)),
    })
    t.equal(await call(await issuer.sign()), 503)
    t.equal(issuer.fetches(), 0)
  }
})

t.test('where one kind of metadata is wrong, the other is asked', async (t) => {
  const { issuer, call } = await setKeyScene(t, {
    jwt: ({ url }) => ({ issuer: url }),
    prepare: ({ url, jwksUrl, documents }) => {
      documents.set('/.well-known/oauth-authorization-server', {
        issuer: 'https://evil.example',
        jwks_uri: jwksUrl,
      })
      documents.set('/.well-known/openid-configuration', { issuer: url, jwks_uri: jwksUrl })
    },
  })
  t.equal(await call(await issuer.sign()), 200)
})
