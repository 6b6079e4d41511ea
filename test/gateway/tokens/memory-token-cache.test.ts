import fc from 'fast-check'
import t from 'tap'
import { MemoryTokenCache } from '../../../gateway/tokens/memory-token-cache.ts'
import { readVerifTokenAnswer, type TokenMetadata } from '../../../gateway/tokens/token-metadata.ts'

const metadata = (client: string, expires?: number): TokenMetadata =>
  readVerifTokenAnswer({ client, roles: 'USER', expires }, 0)

t.test('it keeps what was used, and forgets what was not', async (t) => {
  const cache = new MemoryTokenCache({ ttlMs: 1_000, maxTokens: 3 })
  for (const key of ['a', 'b', 'c']) cache.set(key, metadata(key), 0)
  cache.get('a', 1)
  cache.get('c', 1)
  cache.set('d', metadata('d'), 1)
  t.same(
    ['a', 'b', 'c', 'd'].map((key) => cache.get(key, 1)?.client),
    ['a', undefined, 'c', 'd'],
  )
})

t.test(
  'a flood of tokens that are used once does not push out the one that is used all the time',
  async (t) => {
    const cache = new MemoryTokenCache({ ttlMs: 1_000, maxTokens: 100 })
    cache.set('steady', metadata('steady'), 0)
    let timesMissed = 0
    for (let i = 0; i < 10_000; i += 1) {
      if (cache.get('steady', 1) === undefined) timesMissed += 1
      cache.set(`flood-${i}`, metadata('flood'), 1)
    }
    t.same([timesMissed, cache.size], [0, 100])
  },
)

t.test('where all were used, an eviction still looks at a few only', async (t) => {
  const cache = new MemoryTokenCache({ ttlMs: 1_000, maxTokens: 100 })
  const keys = Array.from({ length: 100 }, (_, i) => `${i}`)
  for (const key of keys) cache.set(key, metadata(key), 0)
  for (const key of keys) cache.get(key, 0)
  cache.set('one more', metadata('more'), 0)
  t.same(
    keys.filter((key) => cache.get(key, 0) === undefined),
    ['16'],
  )
})

t.test('it never holds more than its bound, and never gives what is old, expired or another’s', async (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    isSet: fc.boolean(),
    waitMs: fc.nat(400),
    expires: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 4 }),
    (steps, maxTokens) => {
      const cache = new MemoryTokenCache({ ttlMs: 1_000, maxTokens })
      const latest = new Map<string, { metadata: TokenMetadata; untilMs: number }>()
      let nowMs = 0
      return steps.every(({ key, isSet, waitMs, expires }) => {
        nowMs += waitMs
        if (isSet) {
          const fresh = {
            ...metadata(key),
            expiresAtMs: expires === undefined ? Number.POSITIVE_INFINITY : nowMs + expires * 500,
          }
          cache.set(key, fresh, nowMs)
          latest.set(key, { metadata: fresh, untilMs: Math.min(fresh.expiresAtMs, nowMs + 1_000) })
          return cache.size <= maxTokens
        }
        const found = cache.get(key, nowMs)
        const kept = latest.get(key)
        return found === undefined || (found === kept?.metadata && nowMs < kept.untilMs)
      })
    },
  )
  fc.assert(property, { numRuns: 500 })
  t.pass()
})
