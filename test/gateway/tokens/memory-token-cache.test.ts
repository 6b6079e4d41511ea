import fc from 'fast-check'
import t from 'tap'
import { MemoryTokenCache } from '../../../gateway/tokens/memory-token-cache.ts'
import { readVerifTokenAnswer } from '../../../gateway/tokens/token-metadata.ts'

const createCache = (maxTokens: number) =>
  new MemoryTokenCache({ ttlMs: 1_000, staleIfErrorMs: 500, maxTokens, random: () => 0.5 })

const answer = (
  client: string,
  { learnedAtMs = 0, expires }: { learnedAtMs?: number; expires?: number } = {},
) => ({
  metadata: readVerifTokenAnswer({ client, roles: 'USER', rateLimit: 5, expires }, learnedAtMs),
  learnedAtMs,
  epoch: 1,
})

/** What the resolver does on a hit. */
const use = (cache: MemoryTokenCache, key: string) => {
  const cached = cache.get(key)
  if (cached !== undefined) cached.wasUsed = true
  return cached?.metadata.client
}

t.test('it keeps what was used, and forgets what was not', async (t) => {
  const cache = createCache(3)
  for (const key of ['a', 'b', 'c']) cache.set(key, answer(key))
  use(cache, 'a')
  use(cache, 'c')
  cache.set('d', answer('d'))
  t.same(
    ['a', 'b', 'c', 'd'].map((key) => use(cache, key)),
    ['a', undefined, 'c', 'd'],
  )
})

t.test(
  'a flood of tokens that are used once does not push out the one that is used all the time',
  async (t) => {
    const cache = createCache(100)
    cache.set('steady', answer('steady'))
    let timesMissed = 0
    for (let i = 0; i < 10_000; i += 1) {
      if (use(cache, 'steady') === undefined) timesMissed += 1
      cache.set(`flood-${i}`, answer('flood'))
    }
    t.same([timesMissed, cache.size], [0, 100])
  },
)

t.test('where all were used, an eviction still looks at a few only', async (t) => {
  const cache = createCache(100)
  const keys = Array.from({ length: 100 }, (_, i) => `${i}`)
  for (const key of keys) cache.set(key, answer(key))
  for (const key of keys) use(cache, key)
  cache.set('one more', answer('more'))
  t.same(
    keys.filter((key) => use(cache, key) === undefined),
    ['16'],
  )
})

t.test(
  'an answer is fresh for its time, usable a little longer, and neither past the token’s end',
  async (t) => {
    const cache = createCache(10)
    const long = answer('long', { learnedAtMs: 100 })
    const short = answer('short', { learnedAtMs: 100, expires: 0.3 })
    t.same([cache.freshUntilMs(long), cache.usableUntilMs(long)], [1_100, 1_600])
    t.same([cache.freshUntilMs(short), cache.usableUntilMs(short)], [400, 400])
    t.equal(
      cache.set('long', long).restsUntilMs,
      950,
      'a look whether to ask again comes before it is too old',
    )
    t.equal(cache.set('short', short).restsUntilMs, 400)
  },
)

t.test('tokens that say the same share what they say', async (t) => {
  const cache = createCache(10)
  const [one, two, other] = ['a', 'b', 'c'].map((key) =>
    cache.set(key, answer(key === 'c' ? 'Other' : 'Same')),
  )
  t.equal(one?.metadata.roles, two?.metadata.roles)
  t.equal(one?.metadata.ownPolicy, two?.metadata.ownPolicy)
  t.not(one?.metadata.ownPolicy, other?.metadata.ownPolicy)
  t.same(other?.metadata, answer('Other').metadata, 'and nothing else')
})

t.test('it knows of each token that it holds what its twin is, and of no other', async (t) => {
  const pairs = ['a', 'b', 'c', 'd', 'e'].flatMap((name) => [
    [name, `${name}'`],
    [`${name}'`, name],
  ]) as [string, string][]
  const step = fc.record({
    pair: fc.constantFrom(...pairs),
    kind: fc.constantFrom('set', 'set', 'get', 'delete', 'delete twin'),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 6 }),
    (steps, maxTokens) => {
      const cache = createCache(maxTokens)
      return steps.every(({ pair: [key, twinKey], kind }) => {
        const isTwinHeld = cache.get(twinKey) !== undefined
        if (kind === 'set') cache.set(key, answer('Tracks'), twinKey)
        else if (kind === 'delete') cache.delete(key)
        else if (kind === 'delete twin') cache.deleteTwinOf(key)
        else use(cache, key)
        const isTwinGone = kind !== 'delete twin' || cache.get(twinKey) === undefined
        const isTwinLeft = kind !== 'delete' || (cache.get(twinKey) !== undefined) === isTwinHeld
        return isTwinGone && isTwinLeft && cache.twins === cache.size
      })
    },
  )
  fc.assert(property, { numRuns: 500 })
  t.pass()
})

t.test('it never holds more than its bound, and gives what was last set', async (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    kind: fc.constantFrom('set', 'get', 'delete'),
    client: fc.constantFrom('Tracks', 'Clips'),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 4 }),
    (steps, maxTokens) => {
      const cache = createCache(maxTokens)
      const latest = new Map<string, string>()
      return steps.every(({ key, kind, client }) => {
        if (kind === 'delete') {
          cache.delete(key)
          latest.delete(key)
        } else if (kind === 'set') {
          cache.set(key, answer(client))
          latest.set(key, client)
        }
        const found = use(cache, key)
        return cache.size <= maxTokens && (found === undefined || found === latest.get(key))
      })
    },
  )
  fc.assert(property, { numRuns: 500 })
  t.pass()
})
