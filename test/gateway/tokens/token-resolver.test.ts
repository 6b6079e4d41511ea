import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sendJson } from '../../support/identity-stub.ts'
import { readProblem, setScene } from '../../support/scene.ts'

t.test('1,000 calls with one token cost one sub-request', async (t) => {
  const { call, identity } = await setScene(t)
  for (let round = 0; round < 10; round += 1) {
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await call('/api1', { token: 'good' })).status),
    )
    t.ok(statuses.every((status) => status === 200))
  }
  t.equal(identity.recorder.requests.length, 1)
})

t.test('100 first calls at the same time cost one sub-request', async (t) => {
  const { call, identity } = await setScene(t)
  identity.misbehave = async (_request, response) => {
    await sleep(100)
    sendJson(response, 200, { client: 'Tracks', roles: 'USER', expires: 60 })
  }
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => (await call('/api1', { token: 'new' })).status),
  )
  t.ok(statuses.every((status) => status === 200))
  t.equal(identity.recorder.requests.length, 1)
})

t.test(
  'the sub-request has the original’s shape, and our credentials where the provider wants them',
  async (t) => {
    const { call, identity } = await setScene(t, {
      identity: (stub) => ({ verify: { url: stub.verifyUrl, clientId: 'gate way', clientSecret: 'a:b%c' } }),
    })
    identity.tokens.set('a+b/c~d', { client: 'Odd', roles: 'USER' })
    t.equal((await call('/api1', { token: 'a+b/c~d' })).status, 200)
    const [asked] = identity.recorder.requests
    t.equal(asked?.method, 'GET')
    t.equal(asked?.url, '/verifToken?access_token=a%2Bb%2Fc~d')
    t.equal(asked?.headers.authorization, `Basic ${Buffer.from('gate+way:a%3Ab%25c').toString('base64')}`)
  },
)

t.test('introspection after RFC 7662 does the same job', async (t) => {
  const { call, identity, backend } = await setScene(t, {
    identity: (stub) => ({
      introspect: { url: stub.introspectUrl, clientId: 'gateway', clientSecret: 'secret' },
    }),
  })
  identity.tokens.set('good', {
    client: 'Tracks',
    roles: 'USER,EDITOR',
    scope: 'user read',
    rateLimit: 5,
    rateLimitWindow: 60,
  })
  const response = await call('/api1', { token: 'good' })
  t.same([response.status, response.headers.get('x-rate-limit-limit')], [200, '5'])
  t.match(backend.requests[0]?.headers, {
    'x-roles': 'EDITOR,USER',
    'x-scope': 'user read',
    'x-client-id': 'Tracks',
  })
  const [asked] = identity.recorder.requests
  t.same([asked?.method, asked?.body], ['POST', 'token=good&token_type_hint=access_token'])
  t.equal(asked?.headers.authorization, `Basic ${Buffer.from('gateway:secret').toString('base64')}`)
  const refused = await call('/api1', { token: 'nope' })
  t.equal((await readProblem(t, refused)).code, 'token-invalid')
})

t.test('an answer is kept until the cache’s bound, and never past the token’s end', async (t) => {
  let nowMs = 1_800_000_000_000
  const { call, identity } = await setScene(t, { clock: () => nowMs, config: { tokenCache: { ttl: '60s' } } })
  identity.tokens.set('long', { client: 'Long', roles: 'USER', expires: 3_600 })
  identity.tokens.set('short', { client: 'Short', roles: 'USER', expires: 10 })
  const asked = () => identity.recorder.requests.length
  await call('/api1', { token: 'long' })
  await call('/api1', { token: 'short' })
  nowMs += 9_999
  await call('/api1', { token: 'short' })
  t.equal(asked(), 2, 'both from the cache')
  nowMs += 1
  await call('/api1', { token: 'short' })
  t.equal(asked(), 3, 'the short one has expired, and is asked for again')
  nowMs += 37_000
  await call('/api1', { token: 'long' })
  t.equal(asked(), 3)
  identity.tokens.delete('long')
  nowMs += 13_000
  t.equal(
    (await call('/api1', { token: 'long' })).status,
    401,
    'a revoked token works no longer than the bound',
  )
})

t.test('beyond its bound the cache forgets the token unused for longest', async (t) => {
  const { call, identity } = await setScene(t, { config: { tokenCache: { maxTokens: 2 } } })
  for (const token of ['a', 'b', 'c']) identity.tokens.set(token, { client: token, roles: 'USER' })
  for (const token of ['a', 'b', 'a', 'c', 'a']) await call('/api1', { token })
  t.equal(identity.recorder.requests.length, 3, 'a was used again and stayed')
  await call('/api1', { token: 'b' })
  t.equal(identity.recorder.requests.length, 4, 'b had to go')
})

t.test(
  'a refused token is asked for again after a while: the provider may have issued it meanwhile',
  async (t) => {
    let nowMs = 1_800_000_000_000
    const { call, identity } = await setScene(t, {
      clock: () => nowMs,
      config: { tokenCache: { negativeTtl: '5s' } },
    })
    t.equal((await call('/api1', { token: 'soon' })).status, 401)
    identity.tokens.set('soon', { client: 'Soon', roles: 'USER' })
    nowMs += 4_999
    t.equal((await call('/api1', { token: 'soon' })).status, 401)
    t.equal(identity.recorder.requests.length, 1, 'it was not asked for again so soon')
    nowMs += 1
    t.equal((await call('/api1', { token: 'soon' })).status, 200)
  },
)

t.test(
  'when the identity provider fails, an unknown token gets 503 with Retry-After and a known one goes on',
  async (t) => {
    const { call, identity, backend, gateway } = await setScene(t, {
      config: { timeouts: { identity: '300ms' } },
    })
    await call('/api1', { token: 'good' })
    const failures: readonly [string, NonNullable<typeof identity.misbehave>][] = [
      ['500', (_q, r) => sendJson(r, 500, { error: 'x' })],
      ['429', (_q, r) => sendJson(r, 429, {})],
      ['a redirect', (_q, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
      ['no answer', () => undefined],
      ['a cut connection', (q) => q.socket.destroy()],
      ['HTML', (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
      ['10 MB', (_q, r) => r.writeHead(200).end(Buffer.alloc(10_000_000, '1'))],
      ['half an answer', (_q, r) => r.writeHead(200, { 'content-length': '100' }).write('{"client":')],
      ['an array', (_q, r) => sendJson(r, 200, [])],
      ['null', (_q, r) => sendJson(r, 200, null)],
      ['no client', (_q, r) => sendJson(r, 200, { roles: 'USER', expires: 60 })],
      [
        'a client with a line break',
        (_q, r) => sendJson(r, 200, { client: 'a\r\nX-Roles: ADMIN', expires: 60 }),
      ],
      [
        'a role with a line break',
        (_q, r) => sendJson(r, 200, { client: 'a', roles: ['USER\r\nX-A: b'], expires: 60 }),
      ],
      ['a role with a comma', (_q, r) => sendJson(r, 200, { client: 'a', roles: ['a,ADMIN'], expires: 60 })],
      [
        '10,000 roles',
        (_q, r) =>
          sendJson(r, 200, { client: 'a', roles: Array.from({ length: 10_000 }, (_, i) => `R${i}`) }),
      ],
      ['roles of another type', (_q, r) => sendJson(r, 200, { client: 'a', roles: { ADMIN: true } })],
      ['a negative limit', (_q, r) => sendJson(r, 200, { client: 'a', rateLimit: -1 })],
      ['a limit that is no number', (_q, r) => sendJson(r, 200, { client: 'a', rateLimit: '1000' })],
      ['a lifetime that is no number', (_q, r) => sendJson(r, 200, { client: 'a', expires: 'soon' })],
      [
        'a refusal of the gateway itself',
        (_q, r) => r.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
      ],
    ]
    for (const [what, misbehave] of failures) {
      identity.misbehave = misbehave
      const response = await call('/api1', { token: 'unknown' })
      const problem = await readProblem(t, response)
      t.same([response.status, problem.code], [503, 'identity-unavailable'], what)
      t.ok(response.headers.get('retry-after'), `${what}: Retry-After`)
      t.equal((await call('/api1', { token: 'good' })).status, 200, `${what}: the known token goes on`)
    }
    t.equal(backend.requests.length, failures.length + 1, 'nobody was let through')
    t.match(gateway.logLines.join(''), /the identity provider answered 500/)
  },
)

t.test('a provider that is not there at all is a 503, too', async (t) => {
  const { call, identity } = await setScene(t)
  await identity.close()
  t.equal((await call('/api1', { token: 'unknown' })).status, 503)
})

t.test(
  'one address occupies no more than half of what may be asked of a slow provider at once',
  async (t) => {
    const { call, identity, gateway } = await setScene(t, {
      config: { timeouts: { identity: '2s' }, tokenLookUps: { perAddress: '1000/1s' } },
    })
    identity.misbehave = () => undefined
    const calls = Array.from(
      { length: 300 },
      async (_, i) => (await call('/api1', { token: `t${i}` })).status,
    )
    const statuses = await Promise.all(calls)
    t.equal(statuses.filter((status) => status === 503).length, 128)
    t.equal(statuses.filter((status) => status === 429).length, 172, 'the others are told that it is theirs')
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    t.match(metrics, /^passerelle_token_lookups_total\{provider="the default",outcome="failed"\} 128$/m)
    t.match(metrics, /^passerelle_token_lookups_total\{provider="the default",outcome="capped"\} 172$/m)
  },
)

t.test(
  'a provider that turns the gateway away is no word about the token, and the log says what to mend',
  async (t) => {
    const { call, identity, gateway } = await setScene(t, {
      identity: (stub) => ({ verify: { url: stub.verifyUrl, clientId: 'gateway', clientSecret: 'wrong' } }),
    })
    for (const [status, headers] of [
      [401, { 'www-authenticate': 'Basic realm="x"' }],
      [403, {}],
    ] as const) {
      identity.misbehave = (_request, response) => response.writeHead(status, headers).end()
      t.equal(
        (await readProblem(t, await call('/api1', { token: 'good' }))).code,
        'identity-unavailable',
        String(status),
      )
      t.match(gateway.logLines.join(''), `refuses the gateway itself (${status})`)
    }
  },
)

t.test('without credentials of the gateway, 403 is the provider’s word about the token', async (t) => {
  const { call, identity } = await setScene(t)
  identity.misbehave = (_request, response) => response.writeHead(403).end()
  t.equal((await readProblem(t, await call('/api1', { token: 'good' }))).code, 'token-invalid')
})
