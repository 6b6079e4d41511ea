/** What tokens that nobody knows can do to the provider, and to those who have good ones. */
import t from 'tap'
import { readProblem, setScene } from '../../support/scene.ts'
import { createTokenNode, MapProvider, metadataOf, ScriptedProvider } from '../../support/token-node.ts'

const provider = () => {
  const map = new MapProvider()
  for (let i = 0; i < 50; i += 1) map.tokens.set(`good-${i}`, metadataOf(`client-${i}`))
  return map
}

t.test(
  '20,000 garbage tokens cost the provider at most the cap, and every good token is served',
  async (t) => {
    let nowMs = 1_800_000_000_000
    const map = provider()
    const node = createTokenNode({
      provider: map,
      clock: () => nowMs,
      perAddress: 100,
      total: 1_000,
      maxTokens: 60,
    })
    for (let i = 0; i < 50; i += 1) await node.ask(`good-${i}`)
    map.asked.length = 0
    const refusals = new Map<string, number>()
    let goodServed = 0
    for (let i = 0; i < 20_000; i += 1) {
      const code = await node.ask(`garbage-${i}`, `192.0.2.${i % 100}`)
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
      if (i % 100 === 0 && (await node.ask(`good-${(i / 100) % 50}`)).startsWith('client-')) goodServed += 1
      // Ten seconds in all.
      if (i % 2 === 0) nowMs += 1
    }
    t.equal(goodServed, 200)
    t.ok(map.asked.length <= 1_000 * 10 + 1_000, `${map.asked.length} look-ups`)
    t.ok(map.asked.length >= 5_000, 'and the cap is used')
    t.same([...refusals.keys()].toSorted(), ['identity-unavailable', 'token-invalid'])
  },
)

t.test('one address has a cap of its own: 429 with Retry-After, while another is served', async (t) => {
  const map = provider()
  const node = createTokenNode({ provider: map, clock: () => 1_800_000_000_000, perAddress: 10 })
  for (let i = 0; i < 10; i += 1) t.equal(await node.ask(`garbage-${i}`), 'token-invalid')
  t.equal(await node.ask('garbage-10'), 'token-look-ups-exceeded')
  t.equal(await node.ask('good-1'), 'token-look-ups-exceeded', 'who is to know that this one is good?')
  t.equal(await node.ask('good-1', '198.51.100.7'), 'client-1')
  t.equal(await node.ask('good-1'), 'client-1', 'a token that is known costs nothing')
  t.equal(await node.ask('garbage-3'), 'token-invalid', 'and so does one that was just refused')
  t.equal(map.asked.length, 11)
  t.same(node.outcomes.slice(-5), ['capped', 'capped', 'valid', 'cached', 'negative'])
})

t.test('many good tokens that come from one address after a restart are all served', async (t) => {
  const map = new MapProvider()
  const node = createTokenNode({ provider: map, clock: () => 1_800_000_000_000, perAddress: 10 })
  for (let i = 0; i < 500; i += 1) map.tokens.set(`good-${i}`, metadataOf(`client-${i}`))
  for (let i = 0; i < 500; i += 1) t.equal(await node.ask(`good-${i}`), `client-${i}`)
})

t.test('an address whose tokens turn out invalid has a tenth of the share of any other', async (t) => {
  let nowMs = 1_800_000_000_000
  const map = new MapProvider()
  const node = createTokenNode({ provider: map, clock: () => nowMs, perAddress: 300 })
  for (let i = 0; i < 20_000; i += 1) {
    await node.ask(`garbage-${i}`)
    nowMs += 1
  }
  // Twenty seconds, and what may be asked at once.
  t.ok(map.asked.length <= (20 + 1) * 30 + 1, `${map.asked.length} look-ups`)
  t.ok(map.asked.length >= 20 * 30, 'and it has that')
})

t.test('tokens of which the provider says nothing are no garbage', async (t) => {
  const map = new MapProvider()
  const node = createTokenNode({ provider: map, clock: () => 1_800_000_000_000, perAddress: 300 })
  map.failure = new Error('no sense')
  for (let i = 0; i < 300; i += 1) await node.ask(`unclear-${i}`)
  t.equal(map.asked.length, 300, 'each costs one')
  t.equal(await node.ask('one-more'), 'token-look-ups-exceeded', 'but it costs')
})

t.test('a slow provider is left to others while one address sends what it can', async (t) => {
  const scripted = new ScriptedProvider()
  const node = createTokenNode({ provider: scripted })
  const flood = Array.from({ length: 1_000 }, (_, i) => node.ask(`garbage-${i}`))
  await new Promise(setImmediate)
  t.equal(scripted.asked.length, 128)
  const other = node.ask('good', '198.51.100.7')
  await new Promise(setImmediate)
  t.equal(scripted.asked.at(-1)?.token, 'good')
  scripted.asked.at(-1)?.answer(metadataOf('Tracks'))
  t.equal(await other, 'Tracks')
  for (const asked of scripted.asked) asked.answer(undefined)
  const codes = await Promise.all(flood)
  t.equal(codes.filter((code) => code === 'token-invalid').length, 128)
  t.equal(codes.filter((code) => code === 'token-look-ups-exceeded').length, 1_000 - 128)
})

t.test('the refusal tells over HTTP when to come again', async (t) => {
  const { call } = await setScene(t, { config: { tokenLookUps: { perAddress: '2/1m' } } })
  await call('/api1', { token: 'x1' })
  await call('/api1', { token: 'x2' })
  const refused = await call('/api1', { token: 'x3' })
  t.same([refused.status, refused.headers.get('retry-after')], [429, '30'])
  t.equal((await readProblem(t, refused)).code, 'token-look-ups-exceeded')
})

t.test('tokens that were good before are asked for again while garbage uses up its share', async (t) => {
  let nowMs = 1_800_000_000_000
  const map = provider()
  const node = createTokenNode({
    provider: map,
    clock: () => nowMs,
    total: 100,
    ttlMs: 1_000,
    staleIfErrorMs: 10_000,
  })
  for (let i = 0; i < 20; i += 1) await node.ask(`good-${i}`)
  nowMs += 1_500
  for (let i = 0; i < 500; i += 1) await node.ask(`garbage-${i}`)
  t.equal(await node.ask('good-30'), 'identity-unavailable', 'an unknown token comes too late')
  map.asked.length = 0
  for (let i = 0; i < 20; i += 1) t.equal(await node.ask(`good-${i}`), `client-${i}`)
  t.equal(map.asked.length, 20)
})

t.test('many who wait for one token cost one look-up, and one share of the cap', async (t) => {
  const scripted = new ScriptedProvider()
  const node = createTokenNode({ provider: scripted, perAddress: 1 })
  const all = Array.from({ length: 100 }, () => node.ask('new'))
  await new Promise(setImmediate)
  t.equal(scripted.asked.length, 1)
  scripted.asked[0]?.answer(metadataOf('Tracks'))
  t.ok((await Promise.all(all)).every((client) => client === 'Tracks'))
})

t.test('a spray of garbage pushes out no good token, and what is remembered of it is bounded', async (t) => {
  const map = provider()
  const node = createTokenNode({ provider: map, maxTokens: 50 })
  for (let i = 0; i < 50; i += 1) await node.ask(`good-${i}`)
  for (let i = 0; i < 60_000; i += 1) await node.ask(`garbage-${i}`)
  map.asked.length = 0
  for (let i = 0; i < 50; i += 1) await node.ask(`good-${i}`)
  t.equal(map.asked.length, 0)
  t.equal(node.memory.refused.size, 50_000)
})

t.test('what a provider could not say is remembered of no token', async (t) => {
  const map = provider()
  const node = createTokenNode({ provider: map })
  map.failure = new Error('no sense')
  t.equal(await node.ask('good-1'), 'identity-unavailable')
  map.failure = undefined
  t.equal(await node.ask('good-1'), 'client-1')
})

t.test('a token that was refused before it was issued is prefetched, and good at once', async (t) => {
  const map = provider()
  const node = createTokenNode({ provider: map, perAddress: 1 })
  t.equal(await node.ask('soon'), 'token-invalid')
  map.tokens.set('soon', metadataOf('Soon'))
  t.equal(await node.ask('soon'), 'token-invalid', 'not before its time')
  node.resolver.prefetch('soon')
  t.equal(await node.ask('soon'), 'Soon')
  node.resolver.prefetch('soon')
  t.equal(map.asked.length, 2, 'what is known is not fetched again')
  map.failure = new Error('down')
  node.resolver.prefetch('other')
  await new Promise(setImmediate)
  t.equal(node.outcomes.at(-1), 'failed', 'a failure bothers nobody, and is counted')
})
