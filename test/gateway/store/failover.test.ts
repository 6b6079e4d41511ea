/** A store that consists of several servers must come back by itself when one of them dies, without being started anew. */
import t from 'tap'
import { bucketOfTag } from '../../../gateway/store/buckets.ts'
import type { RedisStore } from '../../../gateway/store/redis-store.ts'
import { startCluster, startSentinels } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { openTestStore, swap, throughOutage } from '../../support/shared-store.ts'
import { until } from '../../support/until.ts'

const options = await needs(redisServer)

/** Tries until a script on this key is answered. */
function untilServed(store: RedisStore, key: string): Promise<void> {
  return until(`${key} is served`, () =>
    store.run(swap, [key], ['again']).then(
      () => true,
      () => false,
    ),
  )
}

t.test(
  'the store follows the Sentinels to the new primary, and so do its subscriptions',
  options,
  async (t) => {
    const sentinels = await startSentinels(t, { password: 's3cret' })
    const { store, logLines } = await openTestStore(t, sentinels.url, { sentinelPassword: 's3cret' })
    const heard: string[] = []
    store.onMessage('topic', (message) => heard.push(message))
    await until('messages are heard', () => store.isListening)
    const first = await sentinels.primary()
    await throughOutage(store, () => first.kill())
    await until('every Sentinel has heard of it', async () => (await sentinels.primary()) !== first)
    await untilServed(store, store.key('b0', 'x'))
    await until('messages are heard', () => store.isListening)
    await store.publish('topic', 'hello')
    await until('the message is heard', () => heard.includes('hello'))
    t.notMatch(logLines.join(''), /s3cret/)
  },
)

t.test('a frozen primary is left for the one that the Sentinels name instead', options, async (t) => {
  const sentinels = await startSentinels(t)
  const { store } = await openTestStore(t, sentinels.url)
  const first = await sentinels.primary()
  await throughOutage(store, () => first.pause())
  await until('every Sentinel has heard of it', async () => (await sentinels.primary()) !== first)
})

t.test(
  'a Cluster’s dead primary takes down its own buckets alone, until it is replaced',
  options,
  async (t) => {
    // Otherwise every node refuses everything while one of them is missing.
    const cluster = await startCluster(t, { args: ['--cluster-require-full-coverage', 'no'] })
    const { store, logLines } = await openTestStore(t, cluster.url)
    t.ok(store.isUp && store.isPartitioned)
    const heard: string[] = []
    store.onMessage('topic', (message) => heard.push(message))
    await until('messages are heard', () => store.isListening)
    const keys = Array.from({ length: 64 }, (_, index) =>
      store.key(store.bucketOf(`tag ${index}`), `x${index}`),
    )
    for (const key of keys) t.equal(await store.run(swap, [key], ['once']), null)
    const primary = await cluster.primaryOf(keys[0] ?? '')
    const lost: string[] = []
    const kept: string[] = []
    for (const key of keys) ((await cluster.primaryOf(key)) === primary ? lost : kept).push(key)
    t.ok(lost.length > 0 && kept.length > 0)
    await primary.kill()
    await t.rejects(store.run(swap, [lost[0] ?? ''], ['twice']))
    for (const key of kept) t.equal(await store.run(swap, [key], ['twice']), 'once', 'the others are served')
    t.ok(store.isUp)
    for (const key of lost) await untilServed(store, key)
    await until('messages are heard', () => store.isListening)
    await store.publish('topic', 'hello')
    await until('the message is heard', () => heard.includes('hello'))
    t.ok(logLines.some((line) => line.includes(`"server":"127.0.0.1:${primary.port}"`)))
  },
)

t.test('a frozen primary of a Cluster is noticed once, and not waited for', options, async (t) => {
  const cluster = await startCluster(t, { args: ['--cluster-require-full-coverage', 'no'] })
  const { store, commands } = await openTestStore(t, cluster.url)
  const key = store.key('b0', 'x')
  await store.run(swap, [key], [1])
  const primary = await cluster.primaryOf(key)
  primary.pause()
  await t.rejects(store.run(swap, [key], [2]))
  const tries = Array.from({ length: 100 }, () => store.run(swap, [key], [3]))
  await Promise.allSettled(tries)
  t.equal(commands.filter((line) => line === 'swap refused').length, 100)
  await untilServed(store, key)
  primary.resume()
  await untilServed(store, key)
})

t.test('keys of several buckets in one script are told as the caller’s fault', options, async (t) => {
  const { url } = await startCluster(t)
  const { store } = await openTestStore(t, url)
  const keys = [store.key('b0', 'x'), store.key('b1', 'x')]
  await t.rejects(
    store.run(swap, keys, [1]),
    /^the script swap failed: its keys are of several buckets \(CROSSSLOT\)$/,
  )
  t.ok(store.isUp)
  const tag = 'someone'
  t.equal(store.bucketOf(tag), bucketOfTag(tag))
  const keysOfOne = ['x', 'y'].map((rest) => store.key(store.bucketOf(tag), rest))
  t.equal(await store.run(swap, keysOfOne, [1]), null)
})
