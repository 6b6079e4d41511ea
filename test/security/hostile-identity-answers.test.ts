/*
 * The attack: to speak with the identity provider's voice, or to make it say too much. Whoever breaks into the provider,
 * stands between it and the gateway, or can name a client there, answers with what a careless reader lets through: a role
 * with a comma or a line break that becomes two headers, a limit below zero, a body that fills the memory, an end of life
 * that is no number.
 * Known cases: HTTP request splitting by header values (CWE-113), decompression bombs (CWE-409), prototype pollution by
 * `__proto__` (CWE-1321), and every client that takes an HTML error page for an answer.
 */
import t, { type Test } from 'tap'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { bodySentinel, brokenTransports, type Misbehaviour, sendRawBody } from '../support/hostile-answers.ts'
import { startIssuer, testAudience } from '../support/issuer.ts'
import { readProblem, type Scene, setScene } from '../support/scene.ts'

const unavailable = [503, 'identity-unavailable'] as const
const invalid = [401, 'token-invalid'] as const
const withoutRole = [403, 'role-missing'] as const

type Outcome = readonly [status: number, code: string]

/** A gateway with a short timeout, asking by one of the two protocols. */
function setHostileScene(t: Test, protocol: 'verify' | 'introspect'): Promise<Scene> {
  // After some failures in a row a provider is left alone for a second: each call comes two seconds after the one before.
  let nowMs = Date.now()
  return setScene(t, {
    clock: () => nowMs,
    beforeCall: () => {
      nowMs += 2_000
    },
    config: { timeouts: { identity: '250ms' } },
    identity: (stub) =>
      protocol === 'verify'
        ? { verify: stub.verifyUrl }
        : { introspect: { url: stub.introspectUrl, clientId: 'gateway', clientSecret: 'secret' } },
  })
}

/** Calls with a new token while the provider misbehaves, and holds what must be true of every such call. */
async function holdRefusal(
  t: Test,
  scene: Scene,
  { name, misbehave, outcome }: { name: string; misbehave: Misbehaviour; outcome: Outcome },
): Promise<void> {
  scene.identity.misbehave = misbehave
  const linesBefore = scene.gateway.logLines.length
  const response = await scene.call('/api1', { token: `t-${name.replaceAll(/[^a-zA-Z0-9]/g, '-')}` })
  const problem = await readProblem(t, response)
  t.same([response.status, problem.code], outcome, name)
  t.notOk(JSON.stringify([problem, [...response.headers]]).includes(bodySentinel), name)
  const failureLines = scene.gateway.logLines
    .slice(linesBefore)
    .filter((line) => line.includes('the identity provider gave no answer'))
  t.equal(failureLines.length, outcome === unavailable ? 1 : 0, `${name}: a log line for each failure`)
}

/** Whatever came before: the failures are counted, nothing got through, nothing leaked, and a good answer still works. */
async function holdAfterwards(t: Test, scene: Scene, failures: number): Promise<void> {
  const metrics = await (await fetch(`${scene.gateway.adminUrl}/metrics`)).text()
  t.match(metrics, `passerelle_token_lookups_total{provider="the default",outcome="failed"} ${failures}\n`)
  t.equal(scene.backend.requests.length, 0)
  t.notOk(scene.gateway.logLines.join('').includes(bodySentinel))
  scene.identity.misbehave = undefined
  t.equal((await scene.call('/api1', { token: 'good' })).status, 200)
}

const goodAnswers = {
  verify: '{"client":"Tracks","roles":"USER","expires":3600}',
  introspect: '{"active":true,"client_id":"Tracks","roles":["USER"],"exp":32503680000}',
}

for (const protocol of ['verify', 'introspect'] as const) {
  t.test(`${protocol}: an answer that is broken below its JSON is no word about the token`, async (t) => {
    const scene = await setHostileScene(t, protocol)
    const transports = Object.entries(brokenTransports(goodAnswers[protocol]))
    for (const [name, misbehave] of transports)
      await holdRefusal(t, scene, { name, misbehave, outcome: unavailable })
    await holdAfterwards(t, scene, transports.length)
  })
}

const clients = [
  ...['""', 'null', '7', '[]', '{}', 'true', '[["Tracks"]]', '" Tracks"', '"Tracks "', '"Tr\\u0000acks"'],
  ...['"Tracks\\r\\nX-Roles: ADMIN"', '"Tracks\\n"', '"Tr\\u00e4cks"', '"Tr\\ud800"', `"${'x'.repeat(129)}"`],
]

const roleLists = [
  ...['["USER\\r\\nX-Roles: ADMIN"]', '["USER,ADMIN"]', '["USER ADMIN"]', '[""]', '["USER",""]', '[null]'],
  ...['[["USER"]]', '[{"USER":1}]', '{"USER":true}', '7', 'true', '"US\\u00c9R"', '"USER;ADMIN"'],
  ...[
    JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `${i}`)),
    JSON.stringify(['USER', 'x'.repeat(65)]),
  ],
  `"${'USER,'.repeat(10_000)}"`,
]

const limits = [
  '-1',
  '0',
  '-0',
  '1.5',
  '1e300',
  '1e400',
  '9007199254740993',
  '"1000"',
  'true',
  '[1000]',
  '{}',
]
const windows = ['0', '-60', '0.5', '1e-9', '1e300', '31622401', '"60"', 'true', '[60]']
const times = ['"3600"', '1e400', '-1e400', '1e300', 'true', '[3600]', '{}', '"NaN"']

const note = `"note":"${bodySentinel}"`

function verifyAnswers(): (readonly [string, Outcome])[] {
  const broken = [
    ...clients.map((client) => `{"client":${client},"roles":"USER",${note}}`),
    ...roleLists.map((roles) => `{"client":"Tracks","roles":${roles},${note}}`),
    ...limits.map((limit) => `{"client":"Tracks","roles":"USER","rateLimit":${limit},${note}}`),
    ...windows.map(
      (window) => `{"client":"Tracks","roles":"USER","rateLimit":9,"rateLimitWindow":${window},${note}}`,
    ),
    ...times.map((expires) => `{"client":"Tracks","roles":"USER","expires":${expires},${note}}`),
    `{"client":"Tracks","roles":"USER","scope":["a b"],${note}}`,
    `{"client":"Tracks","roles":"USER","user":"a\\r\\nX-Roles: ADMIN",${note}}`,
    `{"client":"Tracks","roles":"USER","expires":NaN,${note}}`,
    `{"__proto__":{"client":"Tracks","roles":"USER"},${note}}`,
    `{"constructor":{"prototype":{"client":"Tracks"}},${note}}`,
    `{"client":"Tracks","client":"Tracks\\r\\n","roles":"USER",${note}}`,
    `{"clie\\u006et":"Tracks","client":"","roles":"USER",${note}}`,
  ]
  return [
    ...broken.map((body) => [body, unavailable] as const),
    [`{"client":"Tracks","roles":"USER","expires":0,${note}}`, invalid],
    [`{"client":"Tracks","roles":"USER","expires":-3600,${note}}`, invalid],
    [`{"client":"Tracks","__proto__":{"roles":"USER"},${note}}`, withoutRole],
    [`{"client":"Tracks","roles":"USER","roles":"OTHER",${note}}`, withoutRole],
  ]
}

function introspectionAnswers(): (readonly [string, Outcome])[] {
  const start = '{"active":true,"client_id":"Tracks","roles":"USER"'
  const broken = [
    ...['"true"', '1', 'null', '[]', '{}', '"false"'].map(
      (active) => `{"active":${active},"client_id":"Tracks","roles":"USER",${note}}`,
    ),
    ...clients.map((client) => `{"active":true,"client_id":${client},"roles":"USER",${note}}`),
    ...roleLists.map((roles) => `{"active":true,"client_id":"Tracks","roles":${roles},${note}}`),
    ...limits.map((limit) => `${start},"rate_limit":${limit},${note}}`),
    ...windows.map((window) => `${start},"rate_limit":9,"rate_limit_window":${window},${note}}`),
    ...times.flatMap((time) => [`${start},"exp":${time},${note}}`, `${start},"iat":${time},${note}}`]),
    ...['""', '7', '[]', '"a\\r\\nb"', '"\\u00e9"', `"${'x'.repeat(256)}"`].map(
      (sub) => `${start},"sub":${sub},${note}}`,
    ),
    `{"client_id":"Tracks","roles":"USER",${note}}`,
    `{"__proto__":{"active":true,"client_id":"Tracks","roles":"USER"},${note}}`,
  ]
  return [
    ...broken.map((body) => [body, unavailable] as const),
    [`{"active":false,"client_id":"Tracks","roles":"USER",${note}}`, invalid],
    [`{"active":true,"active":false,"client_id":"Tracks","roles":"USER",${note}}`, invalid],
    [`${start},"exp":1,${note}}`, invalid],
    [`${start},"exp":-1,${note}}`, invalid],
    [`${start},"cnf":{"jkt":"${bodySentinel}"}}`, invalid],
    [`${start},"cnf":{"x5t#S256":"${bodySentinel}"}}`, invalid],
    [`${start},"cnf":false,${note}}`, invalid],
  ]
}

for (const [protocol, answers] of [
  ['verify', verifyAnswers()],
  ['introspect', introspectionAnswers()],
] as const) {
  t.test(`${protocol}: an answer that says something impossible is no word about the token`, async (t) => {
    const scene = await setHostileScene(t, protocol)
    for (const [index, [body, outcome]] of answers.entries())
      await holdRefusal(t, scene, {
        name: `${index} ${body.slice(0, 100)}`,
        misbehave: sendRawBody(body),
        outcome,
      })
    await holdAfterwards(t, scene, answers.filter(([, outcome]) => outcome === unavailable).length)
  })
}

t.test('introspect: an answer that says it is not JSON is not read as JSON', async (t) => {
  const scene = await setHostileScene(t, 'introspect')
  const types = ['text/html', 'text/plain', 'application/token-introspection+jwt', 'application/jsonp']
  for (const type of types) {
    const misbehave = sendRawBody(goodAnswers.introspect, { type })
    await holdRefusal(t, scene, { name: type, misbehave, outcome: unavailable })
  }
  await holdAfterwards(t, scene, types.length)
})

t.test('key sets and metadata: a broken answer makes no key, and no token is let through', async (t) => {
  const issuer = await startIssuer()
  const backend = await startBackendRecorder()
  t.teardown(() => Promise.all([issuer.close(), backend.close()]))
  const good = JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) })
  for (const jwks of [issuer.jwksUrl, undefined]) {
    for (const [name, misbehave] of Object.entries(brokenTransports(good))) {
      issuer.recorder.answer = misbehave
      const jwt = { issuer: issuer.url, audience: testAudience, jwks }
      const gateway = await startTestGateway({
        identity: { jwt },
        routes: { '/': { to: backend.url } },
        timeouts: { identity: '250ms' },
      })
      const headers = { authorization: `Bearer ${await issuer.sign()}` }
      const response = await fetch(gateway.url, { headers })
      const problem = await readProblem(t, response)
      t.same([response.status, problem.code], unavailable, name)
      t.ok(
        gateway.logLines.some((line) => line.includes('key set cannot be had')),
        name,
      )
      t.notOk((JSON.stringify(problem) + gateway.logLines.join('')).includes(bodySentinel), name)
      await gateway.close()
    }
  }
  t.equal(backend.requests.length, 0)
})
