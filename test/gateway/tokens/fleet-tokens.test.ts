/** What several gateway processes do about tokens together, on a real Redis. */
import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { storeLocation } from '../../../common/store-url.ts'
import { StoreUnavailable } from '../../../gateway/shared-store.ts'
import { openStore } from '../../../gateway/store/open-store.ts'
import type { RedisStore } from '../../../gateway/store/redis-store.ts'
import { IdentityProviderFailure } from '../../../gateway/tokens/identity-provider.ts'
import { twinOf } from '../../../gateway/tokens/signature-twin.ts'
import { captureLog } from '../../support/captured-log.ts'
import { type RedisServer, startRedis } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { createTokenNode, MapProvider, metadataOf, type TokenNodeOptions } from '../../support/token-node.ts'

const options = await needs(redisServer)

const down = new IdentityProviderFailure('the identity provider did not answer')

async function open(t: Test, redis: RedisServer): Promise<RedisStore> {
  const location = storeLocation(redis.url)
  if (location.kind !== 'redis') throw new Error('this is no Redis')
  const rest = { prefix: 'test', ca: redis.ca, sentinelUsername: undefined, sentinelPassword: undefined }
  const store = await openStore(
    { ...location, ...rest },
    { log: captureLog().log, countCommand: () => undefined },
  )
  t.teardown(() => store.close())
  return store
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (await condition()) return
    await sleep(10)
  }
  throw new Error(`in ten seconds it did not come to this: ${what}`)
}

async function setUp(t: Test, nodeOptions: Partial<TokenNodeOptions> = {}) {
  const redis = await startRedis(t)
  const provider = new MapProvider()
  provider.tokens.set('good', metadataOf('Tracks'))
  const startNode = async (more: Partial<TokenNodeOptions> = {}) => {
    const store = await open(t, redis)
    const node = createTokenNode({ provider, store, ...nodeOptions, ...more })
    t.teardown(() => node.revocations.close())
    await until(() => store.isListening && !node.memory.marks.isBlind, 'the process hears messages')
    return { ...node, store }
  }
  return { redis, provider, startNode }
}

const keysOf = async (redis: RedisServer, pattern: string) => (await redis.send('KEYS', pattern)) as string[]

/** The keys and values of all that is about tokens. */
async function held(redis: RedisServer): Promise<Map<string, string>> {
  const keys = await keysOf(redis, 'test:*:t:*')
  return new Map(
    await Promise.all(keys.map(async (key) => [key, String(await redis.send('GET', key))] as const)),
  )
}

t.test('what one process has asked for the others know, without asking', options, async (t) => {
  const { redis, provider, startNode } = await setUp(t)
  const [one, two] = await Promise.all([startNode(), startNode()])
  t.equal(await one.ask('good'), 'Tracks')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  t.equal(await two.ask('good'), 'Tracks')
  t.same(provider.asked, ['good'])
  t.same(two.outcomes, ['shared'])
  t.equal(await two.ask('good'), 'Tracks')
  t.equal(two.outcomes.at(-1), 'cached', 'and from then on from memory')
})

t.test('a process that hears nothing does not believe what others have asked for', options, async (t) => {
  const { redis, startNode } = await setUp(t)
  const [one, deaf] = await Promise.all([startNode(), startNode()])
  await one.ask('good')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  deaf.memory.marks.becomeBlind(Date.now())
  t.equal(await deaf.ask('good'), 'Tracks')
  t.same(deaf.outcomes, ['valid'])
})

t.test('an address that has used up its cap is still served what the store knows', options, async (t) => {
  const { redis, provider, startNode } = await setUp(t)
  const one = await startNode()
  await one.ask('good')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  const nowMs = Date.now()
  const two = await startNode({ perAddress: 3, clock: () => nowMs })
  for (let i = 0; i < 3; i += 1) t.equal(await two.ask(`garbage-${i}`), 'token-invalid')
  t.equal(await two.ask('garbage-3'), 'token-look-ups-exceeded', 'the cap is used up')
  t.equal(await two.ask('good'), 'Tracks')
  t.same(two.outcomes.slice(-2), ['capped', 'shared'])
  t.equal(provider.asked.length, 4)
})

t.test('beyond its cap an address has the store asked as often again, and no more', options, async (t) => {
  const { redis, provider, startNode } = await setUp(t)
  const one = await startNode()
  await one.ask('good')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  const nowMs = Date.now()
  const two = await startNode({ perAddress: 3, clock: () => nowMs })
  for (let i = 0; i < 3 + 3; i += 1) await two.ask(`garbage-${i}`)
  t.throws(() => two.resolver.resolve('good', '192.0.2.1'), { code: 'token-look-ups-exceeded' }, 'at once')
  t.equal(await two.ask('good', '198.51.100.7'), 'Tracks', 'another address gets it from the store')
  t.equal(await two.ask('good'), 'Tracks', 'and now it is known')
  t.equal(provider.asked.length, 4)
})

t.test('while the store is gone an address beyond its cap waits for nothing', options, async (t) => {
  const { redis, startNode } = await setUp(t)
  const nowMs = Date.now()
  const node = await startNode({ perAddress: 1, clock: () => nowMs })
  t.equal(await node.ask('garbage'), 'token-invalid')
  await redis.kill()
  await until(() => !node.store.isUp, 'the process knows that the store is gone')
  t.throws(() => node.resolver.resolve('good', '192.0.2.1'), { code: 'token-look-ups-exceeded' })
})

t.test('nothing in the store tells a token, and nothing outlives its time', options, async (t) => {
  const { redis, startNode, provider } = await setUp(t)
  const secret = 'SENTINEL-token-SENTINEL'
  provider.tokens.set(secret, metadataOf('Tracks', { exp: Math.floor(Date.now() / 1_000) + 20 }))
  const node = await startNode()
  await node.ask(secret)
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  await node.revocations.announce({ target: { kind: 'token', token: 'good' }, effect: 'revoke' })
  await node.revocations.announce({ target: { kind: 'client', id: 'Other' }, effect: 'revoke' })
  t.notMatch(JSON.stringify([...(await held(redis))]), /SENTINEL/)
  const keys = await keysOf(redis, '*')
  t.ok(keys.every((key) => key.startsWith('test:')))
  for (const key of keys) t.ok(Number(await redis.send('PTTL', key)) > 0, `${key} has an end`)
  const [entry = ''] = keys.filter((key) => key.includes(':t:'))
  t.ok(Number(await redis.send('PTTL', entry)) <= 20_000, 'the token’s own')
})

t.test(
  'an answer is nowhere older than its time, however many processes it went through',
  options,
  async (t) => {
    const time = { aheadMs: 0 }
    const { redis, provider, startNode } = await setUp(t, { ttlMs: 60_000 })
    const one = await startNode()
    await one.ask('good')
    await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
    const [key = ''] = (await held(redis)).keys()
    await redis.send('PEXPIRE', key, 20_000)
    const two = await startNode({ clock: () => Date.now() + time.aheadMs })
    t.equal(await two.ask('good'), 'Tracks')
    t.equal(two.outcomes.at(-1), 'shared')
    provider.tokens.delete('good')
    await redis.send('DEL', key)
    time.aheadMs = 20_000
    t.equal(await two.ask('good'), 'token-invalid', 'it had a third of its time left')
  },
)

t.test('a revocation of each kind reaches every process', options, async (t) => {
  const { provider, startNode } = await setUp(t)
  const nodes = await Promise.all([startNode(), startNode(), startNode(), startNode()])
  for (const [target, token] of [
    [{ kind: 'token', token: 't1' }, 't1'],
    [{ kind: 'client', id: 'client-t2' }, 't2'],
    [{ kind: 'user', id: 'user-t3' }, 't3'],
    [{ kind: 'all' }, 't4'],
  ] as const) {
    provider.tokens.set(token, metadataOf(`client-${token}`, { sub: `user-${token}` }))
    for (const node of nodes) t.equal(await node.ask(token), `client-${token}`)
    provider.tokens.delete(token)
    await nodes[0]?.revocations.announce({ target, effect: 'revoke' })
    t.equal(await nodes[0]?.ask(token), 'token-invalid', `${target.kind}: at once where it was announced`)
    for (const node of nodes)
      await until(
        async () => (await node.ask(token)) === 'token-invalid',
        `${target.kind}: refused everywhere`,
      )
  }
})

t.test('a client’s changed roles are seen by every process', options, async (t) => {
  const { provider, startNode } = await setUp(t)
  const [one, two] = await Promise.all([startNode(), startNode()])
  const rolesAt = async (node: typeof one) => (await node.resolver.resolve('good', '')).rolesField
  for (const [roles, target] of [
    [['EDITOR'], { kind: 'client', id: 'Tracks' }],
    [['READER'], { kind: 'token', token: 'good' }],
  ] as const) {
    await Promise.all([rolesAt(one), rolesAt(two)])
    provider.tokens.set('good', metadataOf('Tracks', { roles }))
    await one.revocations.announce({ target, effect: 'refresh' })
    t.equal(await rolesAt(one), roles[0])
    await until(async () => (await rolesAt(two)) === roles[0], `the other sees ${roles[0]}`)
  }
})

t.test('a process that starts later heeds what was revoked before', options, async (t) => {
  const { provider, startNode } = await setUp(t, { isLocal: true })
  const old = { issuedAtMs: Date.now() - 60_000 }
  provider.tokens.set('a', { ...metadataOf('Tracks'), ...old })
  provider.tokens.set('b', { ...metadataOf('Clips'), ...old })
  provider.tokens.set('c', { ...metadataOf('Others'), ...old })
  const one = await startNode()
  await one.revocations.announce({ target: { kind: 'token', token: 'a' }, effect: 'revoke' })
  await one.revocations.announce({ target: { kind: 'client', id: 'Clips' }, effect: 'revoke' })
  const two = await startNode()
  t.equal(await two.ask('a'), 'token-invalid', 'by itself')
  t.equal(await two.ask('b'), 'token-invalid', 'by its client')
  t.equal(await two.ask('c'), 'Others')
})

t.test('a token that is named by its hash is revoked with its twin in every process', options, async (t) => {
  const { redis, provider, startNode } = await setUp(t, { isLocal: true })
  const { privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const twin = twinOf(token) ?? ''
  provider.tokens.set(twin, { ...metadataOf('Tracks'), issuedAtMs: Date.now() - 60_000 })
  const [one, two] = await Promise.all([startNode(), startNode()])
  t.equal(await one.ask(twin), 'Tracks')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  t.equal(await two.ask(twin), 'Tracks')
  t.same(two.outcomes, ['shared'])
  const target = { kind: 'token-hash', hash: hash('sha256', token), expiresAtMs: undefined } as const
  await one.revocations.announce({ target, effect: 'revoke' })
  t.equal(await one.ask(twin), 'token-invalid', 'at once where it was announced')
  await until(async () => (await two.ask(twin)) === 'token-invalid', 'the other one has heard')
  t.equal((await held(redis)).size, 1, 'what the store holds of the twin it holds still')
  const later = await startNode()
  t.equal(await later.ask(twin), 'token-invalid', 'and one that starts later does not believe it')
})

t.test(
  'what a process missed while it heard nothing it learns before it serves a token again',
  options,
  async (t) => {
    const { redis, provider, startNode } = await setUp(t)
    const [one, deaf] = await Promise.all([startNode(), startNode()])
    for (const token of ['a', 'b', 'c']) provider.tokens.set(token, metadataOf(`client-${token}`))
    for (const token of ['a', 'b', 'c']) await deaf.ask(token)
    provider.asked.length = 0
    // Messages of this process’s topic are kept from the deaf one, as if its connection had been cut.
    deaf.memory.marks.becomeBlind(Date.now())
    const hear = deaf.memory.revoke
    deaf.memory.revoke = () => undefined
    const heed = deaf.memory.marks.heed
    deaf.memory.marks.heed = () => false
    await one.revocations.announce({ target: { kind: 'token', token: 'a' }, effect: 'revoke' })
    await one.revocations.announce({ target: { kind: 'client', id: 'client-b' }, effect: 'revoke' })
    t.equal(await deaf.ask('a'), 'client-a', 'it has not heard')
    deaf.memory.revoke = hear
    deaf.memory.marks.heed = heed
    await redis.send('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => !deaf.memory.marks.isBlind, 'it hears again')
    provider.tokens.delete('b')
    t.equal(await deaf.ask('a'), 'token-invalid')
    t.equal(await deaf.ask('b'), 'token-invalid')
    t.equal(await deaf.ask('c'), 'client-c')
    t.same(
      provider.asked,
      ['b'],
      'only what was revoked with its client is asked for; the rest the store knows',
    )
  },
)

t.test(
  'while Redis is gone authentication goes on, and a revocation acts within its bound',
  options,
  async (t) => {
    const time = { aheadMs: 0 }
    const { redis, provider, startNode } = await setUp(t)
    const node = await startNode({ blindTtlMs: 30_000, clock: () => Date.now() + time.aheadMs })
    await node.ask('good')
    provider.tokens.set('new', metadataOf('New'))
    await redis.kill()
    await until(() => !node.store.isUp && !node.store.isListening, 'the loss is noticed')
    t.equal(await node.ask('new'), 'New', 'an unknown token is asked for at the provider')
    t.equal(await node.ask('good'), 'Tracks')
    t.same(provider.asked, ['good', 'new'])
    provider.tokens.delete('good')
    time.aheadMs = 30_000
    t.equal(await node.ask('good'), 'token-invalid')
    await t.rejects(
      node.revocations.announce({ target: { kind: 'token', token: 'new' }, effect: 'revoke' }),
      StoreUnavailable,
    )
    t.equal(await node.ask('new'), 'token-invalid', 'but this process heeds it')
    await t.rejects(
      node.revocations.announce({ target: { kind: 'all' }, effect: 'revoke' }),
      StoreUnavailable,
    )
  },
)

t.test(
  'with Redis frozen and the provider gone, known tokens live on within the bound and others get 503',
  options,
  async (t) => {
    const time = { aheadMs: 0 }
    const { redis, provider, startNode } = await setUp(t, { ttlMs: 60_000, staleIfErrorMs: 60_000 })
    const node = await startNode({ clock: () => Date.now() + time.aheadMs })
    await node.ask('good')
    provider.failure = down
    redis.pause()
    t.teardown(() => redis.resume())
    t.equal(await node.ask('unknown'), 'identity-unavailable')
    time.aheadMs = 40_000
    t.equal(await node.ask('good'), 'Tracks')
    time.aheadMs = 119_000
    t.equal(await node.ask('good'), 'Tracks')
    time.aheadMs = 120_000
    t.equal(await node.ask('good'), 'identity-unavailable')
  },
)

t.test(
  'what is foreign or corrupt in Redis is counted, not believed, and written over',
  options,
  async (t) => {
    const { redis, provider, startNode } = await setUp(t)
    const one = await startNode()
    await one.ask('good')
    await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
    const [[key = '', value = ''] = []] = await held(redis)
    const good = JSON.parse(value)
    const cases: readonly [string, unknown][] = [
      ['nothing like JSON', '<html>'],
      ['null', 'null'],
      ['another version', JSON.stringify({ ...good, v: 2 })],
      ['a role with a line break', JSON.stringify({ ...good, r: ['USER\r\nX-A: b'] })],
      ['roles of another type', JSON.stringify({ ...good, r: { ADMIN: true } })],
      ['a client with a line break', JSON.stringify({ ...good, c: 'a\nb' })],
      ['a negative quota', JSON.stringify({ ...good, q: [-1, 1_000] })],
      ['a time that is none', JSON.stringify({ ...good, e: 'soon' })],
      ['no time of marks', JSON.stringify({ ...good, m: undefined })],
      ['10,000 roles', JSON.stringify({ ...good, r: Array.from({ length: 10_000 }, (_, i) => `R${i}`) })],
      ['10 MB', 'x'.repeat(10_000_000)],
    ]
    for (const [what, text] of cases) {
      await redis.send('SET', key, String(text), 'PX', 60_000)
      const node = await startNode()
      const before = provider.asked.length
      t.equal(await node.ask('good'), 'Tracks', what)
      t.equal(provider.asked.length, before + 1, `${what}: the provider was asked`)
      t.equal(node.corrupt.count, 1, `${what}: counted`)
      await until(async () => (await redis.send('GET', key)) !== text, `${what}: written over`)
      await node.store.close()
    }
    await redis.send('SET', key, value)
    const endless = await startNode()
    await endless.ask('good')
    t.equal(endless.corrupt.count, 1, 'an entry without an end')
    await redis.send('DEL', key)
    await redis.send('LPUSH', key, 'a list')
    await redis.send('SET', 'test:{b0}:revocation-marks', 'no hash')
    const node = await startNode()
    t.equal(await node.ask('good'), 'Tracks', 'another type')
    t.equal(node.corrupt.count, 2)
    await node.revocations.announce({ target: { kind: 'client', id: 'Tracks' }, effect: 'revoke' })
    await redis.send('HSET', 'test:{b0}:revocation-marks', 'revoke client Tracks', 'never', 'last', '9e99')
    await redis.send('PUBLISH', 'test:revocations', '{"from":"x"}')
    const later = await startNode()
    await later.revocations.announce({ target: { kind: 'client', id: 'Tracks' }, effect: 'revoke' })
    t.equal(await later.ask('good'), 'Tracks')
    t.equal(later.corrupt.count, 1)
  },
)

t.test('an expired answer in Redis lets nobody in', options, async (t) => {
  const { redis, provider, startNode } = await setUp(t)
  const one = await startNode()
  await one.ask('good')
  await until(async () => (await held(redis)).size === 1, 'the answer lies in the store')
  const [[key = '', value = ''] = []] = await held(redis)
  await redis.send('SET', key, JSON.stringify({ ...JSON.parse(value), e: Date.now() - 1 }), 'PX', 60_000)
  provider.tokens.delete('good')
  const two = await startNode()
  t.equal(await two.ask('good'), 'token-invalid')
  t.equal((await held(redis)).size, 0, 'and a definite no takes it away')
})

t.test(
  'of 100 processes’ worth of first calls one asks, and 100 doubtful tokens are one call',
  options,
  async (t) => {
    const { provider, startNode } = await setUp(t)
    const node = await startNode()
    for (let i = 0; i < 100; i += 1) provider.tokens.set(`t${i}`, metadataOf(`client-${i}`))
    t.ok(
      (await Promise.all(Array.from({ length: 100 }, () => node.ask('good')))).every((x) => x === 'Tracks'),
    )
    t.equal(provider.asked.length, 1)
    for (let i = 0; i < 100; i += 1) await node.ask(`t${i}`)
    node.memory.marks.becomeBlind(Date.now())
    node.memory.marks.see()
    let calls = 0
    const run = node.store.run.bind(node.store)
    node.store.run = (...call) => {
      calls += 1
      return run(...call)
    }
    provider.asked.length = 0
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => node.ask(`t${i}`)))
    t.ok(all.every((client, i) => client === `client-${i}`))
    t.same([calls, provider.asked.length], [1, 0])
  },
)
