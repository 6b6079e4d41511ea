/** What happens to tokens while their provider cannot be asked. */
import t from 'tap'
import { IdentityProviderFailure } from '../../../gateway/tokens/identity-provider.ts'
import { startBackendRecorder } from '../../support/backend-recorder.ts'
import { sendJson } from '../../support/identity-stub.ts'
import { readProblem, setScene } from '../../support/scene.ts'
import { createTokenNode, MapProvider, metadataOf, type TokenNodeOptions } from '../../support/token-node.ts'

const startMs = 1_800_000_000_000
const down = new IdentityProviderFailure('the identity provider did not answer')

function setUp(options: Partial<TokenNodeOptions> = {}) {
  const time = { nowMs: startMs }
  const provider = new MapProvider()
  provider.tokens.set('good', metadataOf('Tracks'))
  const node = createTokenNode({
    ...{ provider, clock: () => time.nowMs, ttlMs: 10_000, staleIfErrorMs: 20_000 },
    ...options,
  })
  return { time, provider, node }
}

const settled = () => new Promise(setImmediate)

t.test('while the provider is down an answer is used past its time, and not past the bound', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('good')
  provider.failure = down
  time.nowMs += 10_000
  t.equal(await node.ask('good'), 'Tracks')
  t.equal(node.outcomes.at(-1), 'stale')
  time.nowMs = startMs + 29_999
  t.equal(await node.ask('good'), 'Tracks')
  await settled()
  time.nowMs = startMs + 30_000
  t.equal(await node.ask('good'), 'identity-unavailable')
  provider.failure = undefined
  time.nowMs += 2_000
  t.equal(await node.ask('good'), 'Tracks')
})

t.test('a provider that is down is not asked on each request', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('good')
  provider.failure = down
  time.nowMs += 10_000
  for (let i = 0; i < 1_000; i += 1) await node.ask('good')
  t.equal(provider.asked.length, 2)
  time.nowMs += 1_000
  for (let i = 0; i < 1_000; i += 1) await node.ask('good')
  t.equal(provider.asked.length, 3, 'once a second')
})

t.test('an answer is never used past the token’s end, however lately the provider died', async (t) => {
  const { time, provider, node } = setUp()
  provider.tokens.set('short', metadataOf('Short', { exp: startMs / 1_000 + 15 }))
  await node.ask('short')
  provider.failure = down
  time.nowMs += 14_999
  t.equal(await node.ask('short'), 'Short')
  time.nowMs += 1
  t.equal(await node.ask('short'), 'identity-unavailable')
})

t.test('an answer past its time is not used for a token that was revoked', async (t) => {
  for (const target of [
    { kind: 'token', token: 'good' },
    { kind: 'client', id: 'Tracks' },
    { kind: 'all' },
  ] as const) {
    const { time, provider, node } = setUp()
    await node.ask('good')
    provider.failure = down
    time.nowMs += 10_000
    t.equal(await node.ask('good'), 'Tracks')
    await node.revocations.announce({ target, effect: 'revoke' })
    const expected = target.kind === 'token' ? 'token-invalid' : 'identity-unavailable'
    t.equal(await node.ask('good'), expected, target.kind)
  }
})

t.test('a definite no ends an answer at once, however young it is', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('good')
  provider.tokens.delete('good')
  time.nowMs += 9_000
  t.equal(await node.ask('good'), 'Tracks', 'this one has it asked for in the background')
  await settled()
  t.equal(await node.ask('good'), 'token-invalid')
})

t.test('a token in use is asked for again before its time is over, and nobody waits', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('good')
  for (let i = 0; i < 10; i += 1) {
    time.nowMs += 9_000
    t.equal(typeof (node.resolver.resolve('good', '') as { client?: unknown }).client, 'string')
    t.not(node.resolver.resolve('good', '') instanceof Promise, true)
    await settled()
  }
  t.equal(provider.asked.length, 11)
})

t.test(
  'after five failures in a row unknown tokens are refused at once, and one a second tries',
  async (t) => {
    const { time, provider, node } = setUp()
    provider.failure = down
    for (let i = 0; i < 20; i += 1) t.equal(await node.ask(`unknown-${i}`), 'identity-unavailable')
    t.equal(provider.asked.length, 5)
    time.nowMs += 1_000
    for (let i = 0; i < 20; i += 1) await node.ask(`unknown-${i}`)
    t.equal(provider.asked.length, 6)
    provider.failure = undefined
    time.nowMs += 1_000
    t.equal(await node.ask('good'), 'Tracks')
    t.equal(await node.ask('unknown-1'), 'token-invalid', 'once it has answered, all are asked for')
  },
)

t.test('answers that make no sense are no reason to leave the provider alone', async (t) => {
  const { provider, node } = setUp()
  provider.failure = new TypeError('nonsense')
  for (let i = 0; i < 20; i += 1) await node.ask(`unknown-${i}`)
  t.equal(provider.asked.length, 20)
})

t.test('a clock that is set back makes no answer live on', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('good')
  provider.tokens.delete('good')
  time.nowMs -= 3_600_000
  t.equal(await node.ask('good'), 'token-invalid')
  time.nowMs += 7_200_000
  t.equal(await node.ask('good'), 'token-invalid')
})

t.test('with a time of zero every request asks, and what was last heard helps out', async (t) => {
  const { time, provider, node } = setUp({ ttlMs: 0 })
  await node.ask('good')
  await node.ask('good')
  t.equal(provider.asked.length, 2)
  provider.failure = down
  t.equal(await node.ask('good'), 'Tracks')
  time.nowMs += 20_000
  t.equal(await node.ask('good'), 'identity-unavailable')
})

t.test(
  'over HTTP: a provider that is frozen, failing or gone, in the eyes of a known and an unknown token',
  async (t) => {
    let nowMs = Date.now()
    const { call, identity, gateway } = await setScene(t, {
      clock: () => nowMs,
      config: { timeouts: { identity: '300ms' }, tokenCache: { ttl: '10s', staleIfError: '60s' } },
    })
    await call('/api1', { token: 'good' })
    nowMs += 10_000
    const ways: readonly [string, NonNullable<typeof identity.misbehave>][] = [
      ['frozen', () => undefined],
      ['failing', (_request, response) => sendJson(response, 500, {})],
      ['cutting', (request) => request.socket.destroy()],
    ]
    for (const [way, misbehave] of ways) {
      identity.misbehave = misbehave
      t.equal((await call('/api1', { token: 'good' })).status, 200, way)
      const refused = await call('/api1', { token: 'unknown' })
      t.same([refused.status, (await readProblem(t, refused)).code], [503, 'identity-unavailable'], way)
      nowMs += 1_000
    }
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    t.match(metrics, /passerelle_token_lookups_total\{provider="the default",outcome="stale"\} [1-9]/)
    nowMs += 60_000
    t.equal((await call('/api1', { token: 'good' })).status, 503)
  },
)

t.test('each provider has its own failures, and its own answers about the same token', async (t) => {
  const other = await startBackendRecorder()
  t.teardown(() => other.close())
  other.answer = (_request, response) =>
    sendJson(response, 200, { active: true, client_id: 'Other', roles: 'USER' })
  const introspect = { url: `${other.url}/introspect`, clientId: 'gateway', clientSecret: 'secret' }
  const { call, identity, backend, gateway } = await setScene(t, {
    config: { identityProviders: { partners: { introspect } } },
    routes: (to) => ({ '/api1': { to, roles: ['USER'] }, '/partners': { to, identity: 'partners' } }),
  })
  for (const path of ['/api1', '/partners', '/api1', '/partners'])
    t.equal((await call(path, { token: 'good' })).status, 200, path)
  t.same(
    backend.requests.map(({ headers }) => headers['x-client-id']),
    ['Tracks', 'Other', 'Tracks', 'Other'],
  )
  t.same([identity.recorder.requests.length, other.requests.length], [1, 1])
  identity.misbehave = (_request, response) => sendJson(response, 500, {})
  for (let i = 0; i < 10; i += 1) t.equal((await call('/api1', { token: `x${i}` })).status, 503)
  t.equal((await call('/partners', { token: 'one-more' })).status, 200)
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  t.match(metrics, /passerelle_token_lookups_total\{provider="the default",outcome="failed"\} 10$/m)
  t.match(metrics, /passerelle_token_lookups_total\{provider="partners",outcome="valid"\} 2$/m)
  t.notMatch(metrics, /provider="partners",outcome="failed"/)
})
