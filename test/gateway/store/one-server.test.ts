/** The shared store on one Redis: what it does while all is well, and what a request feels when it is not. */
import { Redis } from 'ioredis'
import t from 'tap'
import { StoreUnavailable } from '../../../gateway/shared-store.ts'
import { startRedis } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { openTestStore, swap, throughOutage } from '../../support/shared-store.ts'
import { until } from '../../support/until.ts'

const options = await needs(redisServer)

t.test('a script runs on its keys, and what it gives comes back', options, async (t) => {
  const redis = await startRedis(t)
  const { store, commands } = await openTestStore(t, redis.url)
  t.ok(store.isUp)
  t.notOk(store.isPartitioned)
  const key = store.key(store.bucketOf('a tag'), 'x')
  t.equal(key, 'test:{b0}:x')
  t.equal(await store.run(swap, [key], [1]), null)
  t.equal(await store.run(swap, [key], ['zwei']), '1')
  t.same(
    commands.filter((line) => line.startsWith('swap')),
    ['swap answered', 'swap answered'],
  )
})

t.test('a script that fails is told by its name, without anything that it was given', options, async (t) => {
  const redis = await startRedis(t)
  const { store, commands } = await openTestStore(t, redis.url)
  const lua = "error('secret ' .. ARGV[1])"
  const failing = store.run({ name: 'broken', lua }, [store.key('b0', 'x')], ['value'])
  const error = await failing.catch((error: unknown) => error as Error)
  t.match(error, { name: 'Error', message: /^the script broken failed: ERR in line 1$/ })
  t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /secret|value|test:/)
  t.ok(store.isUp, 'the store itself is in order')
  t.ok(commands.includes('broken script-failed'))
})

t.test('a server that has forgotten its scripts is told them again', options, async (t) => {
  const redis = await startRedis(t)
  const { store } = await openTestStore(t, redis.url)
  const key = store.key('b0', 'x')
  await store.run(swap, [key], [1])
  await redis.send('SCRIPT', 'FLUSH')
  t.equal(await store.run(swap, [key], [2]), '1')
  await redis.restart()
  await until('the store is back', () => store.isUp)
  t.equal(await store.run(swap, [key], [3]), null)
})

t.test('of a frozen server one call learns it, and no later one waits', options, async (t) => {
  const redis = await startRedis(t)
  const { store, commands, logLines } = await openTestStore(t, redis.url)
  const changes: boolean[] = []
  store.onChange(() => changes.push(store.isUp))
  redis.pause()
  await t.rejects(store.run(swap, [store.key('b0', 'x')], [1]), StoreUnavailable)
  t.equal(store.isUp, false)
  const order: string[] = []
  const timer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => order.push('a tick'))
  for (let call = 0; call < 1_000; call += 1)
    store.run(swap, [store.key('b0', 'x')], [call]).catch((error) => order.push(error.name))
  await timer
  t.equal(order.at(-1), 'a tick', 'all were refused before the event loop had turned once')
  t.equal(order.length, 1_001)
  t.equal(commands.filter((line) => line === 'swap refused').length, 1_000, 'none was sent')
  await t.rejects(store.publish('topic', 'message'), StoreUnavailable)
  redis.resume()
  await until('the store is back', () => store.isUp)
  t.type(await store.run(swap, [store.key('b0', 'y')], [1]), 'null')
  t.same(
    changes.filter((isUp, index) => isUp !== (changes[index - 1] ?? true)),
    [false, true],
  )
  t.equal(logLines.filter((line) => line.includes('the store is down')).length, 1)
  t.equal(logLines.filter((line) => line.includes('the store is back')).length, 1)
})

t.test('killed connections come back by themselves', options, async (t) => {
  const redis = await startRedis(t)
  const { store } = await openTestStore(t, redis.url)
  for (let round = 0; round < 5; round += 1)
    await throughOutage(store, () => redis.send('CLIENT', 'KILL', 'TYPE', 'normal'))
  t.equal(await store.run(swap, [store.key('b0', 'x')], [1]), null)
})

t.test('a script whose answer is lost with its connection is not sent again', options, async (t) => {
  const redis = await startRedis(t)
  const { store } = await openTestStore(t, redis.url)
  const key = store.key('b0', 'counts')
  const count = { name: 'count', lua: "return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)" }
  await store.run(count, [key], ['first'])
  const killer = new Redis(redis.port)
  t.teardown(() => killer.disconnect())
  await killer.ping()
  // The server comes upon the scripts and the command that kills their connection in one go, before it has answered.
  redis.pause()
  await throughOutage(store, async () => {
    const calls = Array.from({ length: 20 }, (_, index) => store.run(count, [key], [`call ${index}`]))
    const settled = Promise.allSettled(calls)
    const killing = killer.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    redis.resume()
    await killing
    t.ok(
      (await settled).some(({ status }) => status === 'rejected'),
      'some were not answered',
    )
  })
  await store.run(count, [key], ['last'])
  const counts = (await redis.send('HVALS', key)) as string[]
  t.ok(counts.length > 2, 'some of them were run all the same')
  t.same(new Set(counts), new Set(['1']), 'and none twice')
})

t.test(
  'a server that has become a replica is left, for its name may lead elsewhere by now',
  options,
  async (t) => {
    const redis = await startRedis(t)
    const { store } = await openTestStore(t, redis.url)
    const connection = async () =>
      /id=(\d+) .*name=test .* sub=0 /.exec(String(await redis.send('CLIENT', 'LIST')))?.[1]
    const first = await connection()
    t.type(first, 'string')
    await throughOutage(store, async () => {
      await redis.send('REPLICAOF', '127.0.0.1', '1')
      await t.rejects(store.run(swap, [store.key('b0', 'x')], [1]), /read-only replica.*\(READONLY\)$/)
      await until('there is another connection', async () => ![undefined, first].includes(await connection()))
      await redis.send('REPLICAOF', 'NO', 'ONE')
    })
  },
)

t.test('a lost subscription is told, and messages are heard again', options, async (t) => {
  const redis = await startRedis(t)
  const { store } = await openTestStore(t, redis.url)
  const heard: string[] = []
  store.onMessage('topic', (message) => heard.push(message))
  await until('messages are heard', () => store.isListening)
  await store.publish('topic', 'one')
  await until('it is heard', () => heard.length === 1)
  const listening: boolean[] = []
  store.onChange(() => listening.push(store.isListening))
  await redis.send('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('it is listening again', () => listening.at(-1) === true)
  t.ok(listening.includes(false))
  t.ok(store.isUp)
  await store.publish('topic', 'two')
  await until('it is heard', () => heard.length === 2)
  t.same(heard, ['one', 'two'])
})

t.test('processes know each other, until one says goodbye', options, async (t) => {
  const redis = await startRedis(t)
  const [first, second, stranger] = await Promise.all([
    openTestStore(t, redis.url),
    openTestStore(t, redis.url),
    openTestStore(t, redis.url, { prefix: 'other' }),
  ])
  await until('both know each other', () => first.store.peers.length + second.store.peers.length === 2)
  t.same(first.store.peers, [second.store.processId])
  t.same(second.store.peers, [first.store.processId])
  t.same(stranger.store.peers, [], 'another prefix is another fleet')
  const heard: string[] = []
  stranger.store.onMessage('topic', (message) => heard.push(message))
  await first.store.publish('topic', 'not for strangers')
  await second.store.close()
  await until('the first has heard the goodbye', () => first.store.peers.length === 0)
  t.same(heard, [])
  await t.rejects(second.store.run(swap, [second.store.key('b0', 'x')], []), /closed/)
})

t.test('messages of nobody’s, and listeners that throw, end nothing', options, async (t) => {
  const redis = await startRedis(t)
  const { store, logLines } = await openTestStore(t, redis.url)
  const heard: string[] = []
  store.onMessage('topic', () => {
    throw new Error('a fault of the listener')
  })
  store.onMessage('topic', (message) => heard.push(message))
  await until('messages are heard', () => store.isListening)
  const hostile = [
    '',
    'bye ',
    'bye bye',
    '__proto__',
    `${'x'.repeat(1_000_000)}`,
    '\0\r\n',
    '../../etc/passwd',
  ]
  for (const message of hostile) {
    await redis.send('PUBLISH', 'test:presence', message)
    await redis.send('PUBLISH', 'test:topic', message)
  }
  await until('all are heard', () => heard.length === hostile.length)
  t.same(heard, hostile)
  t.same(store.peers, [])
  t.ok(store.isUp && store.isListening)
  t.ok(logLines.some((line) => line.includes('a fault of the listener')))
})

t.test('a gateway starts without its store, and uses it once it is there', options, async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const { store, logLines } = await openTestStore(t, redis.url)
  t.notOk(store.isUp)
  const line = logLines.find((line) => line.includes('starts without its store')) ?? ''
  t.match(line, new RegExp(`redis://127.0.0.1:${redis.port}`))
  t.match(line, /nothing listens there \(ECONNREFUSED\)/)
  await redis.restart()
  await until('the store is up', () => store.isUp && store.isListening)
})
