import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type BackendRecorder, startBackendRecorder } from '../../support/backend-recorder.ts'
import { type GatewayUnderTest, startTestGateway } from '../../support/gateway.ts'
import { type IdentityStub, startIdentityStub } from '../../support/identity-stub.ts'
import { type RedisServer, startRedis } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const skip = await needs(redisServer)

interface Fleet {
  readonly redis: RedisServer
  readonly gateways: GatewayUnderTest[]
  readonly backend: BackendRecorder
  readonly identity: IdentityStub
  readonly client: Redis
  call(gateway: number, path: string, token?: string): Promise<Response>
}

/** Gateways of one process on one Redis. `t1`, `t2`, `t3` are tokens of clients with a quota of 40 an hour. */
async function startFleet(t: Test, size: number, args: readonly string[] = []): Promise<Fleet> {
  const redis = await startRedis(t, { args })
  const backend = await startBackendRecorder()
  const identity = await startIdentityStub()
  for (const name of ['t1', 't2', 't3'])
    identity.tokens.set(name, { client: name, roles: 'USER', rateLimit: 40, expires: 86_400 })
  const routes = Object.fromEntries(
    ['strict', 'insured', 'open'].map((whenStoreFails) => [
      `/${whenStoreFails}`,
      { to: backend.url, whenStoreFails },
    ]),
  )
  identity.tokens.set('t4', { client: 't4', roles: 'USER', expires: 86_400 })
  const shadow = { quota: '1/1h', mode: 'shadow' }
  Object.assign(routes, { '/shadow': { to: backend.url, whenStoreFails: 'strict', limit: shadow } })
  const gateways: GatewayUnderTest[] = []
  for (let i = 0; i < size; i += 1) {
    const options = { store: redis.url, identity: { verify: identity.verifyUrl }, routes }
    gateways.push(await startTestGateway(options))
  }
  const client = new Redis({ port: redis.port, lazyConnect: false, maxRetriesPerRequest: 1 })
  client.on('error', () => {})
  t.teardown(async () => {
    client.disconnect()
    await Promise.all(gateways.map((gateway) => gateway.close()))
    await Promise.all([backend.close(), identity.close()])
  })
  const call = (gateway: number, path: string, token = 't1') =>
    fetch(`${gateways[gateway]?.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { redis, gateways, backend, identity, client, call }
}

/** Calls until nobody is admitted any more, and gives how many were. */
async function useUp(fleet: Fleet, path: string, token: string): Promise<number> {
  let admitted = 0
  for (let refused = 0; refused < 3 * fleet.gateways.length; ) {
    for (const index of fleet.gateways.keys()) {
      const { status } = await fleet.call(index, path, token)
      if (status === 200) admitted += 1
      else refused += 1
    }
    if (refused > 0) await sleep(150)
  }
  return admitted
}

t.test('gateways share a quota to the last request, and each tells truly what is left', skip, async (t) => {
  const fleet = await startFleet(t, 3)
  const shown: number[][] = [[], [], []]
  let admitted = 0
  for (let i = 0; i < 60; i += 1) {
    const answer = await fleet.call(i % 3, '/strict')
    if (answer.status === 200) admitted += 1
    shown[i % 3]?.push(Number(answer.headers.get('x-rate-limit-remaining')))
  }
  t.equal(admitted, 40)
  t.equal(fleet.backend.requests.length, 40)
  for (const remaining of shown)
    t.same(
      remaining,
      remaining.toSorted((a, b) => b - a),
      'what is left never rises',
    )
  const last = await fleet.call(0, '/strict')
  t.match([last.status, last.headers.get('x-rate-limit-remaining')], [429, '0'])
  const resets = await Promise.all(
    [0, 1, 2].map(async (i) => (await fleet.call(i, '/strict')).headers.get('x-rate-limit-reset')),
  )
  t.equal(new Set(resets).size, 1, 'and when it begins anew')
})

t.test('a gateway that stops gives back what it had in hand', skip, async (t) => {
  const fleet = await startFleet(t, 2)
  await fleet.call(0, '/strict')
  await fleet.call(0, '/strict')
  await fleet.gateways.shift()?.close()
  let admitted = 2
  while ((await fleet.call(0, '/strict')).status === 200) admitted += 1
  t.equal(admitted, 40)
})

t.test('over the limit nobody asks the store any more', skip, async (t) => {
  const fleet = await startFleet(t, 2)
  await useUp(fleet, '/strict', 't1')
  // Who was refused while another still had some in hand asks once more, a second later.
  await sleep(1_100)
  await useUp(fleet, '/strict', 't1')
  const before = await leaseCalls(fleet)
  for (let i = 0; i < 200; i += 1) t.equal((await fleet.call(i % 2, '/strict')).status, 429)
  t.equal(await leaseCalls(fleet), before)
})

async function leaseCalls(fleet: Fleet): Promise<number> {
  let calls = 0
  for (const { adminUrl } of fleet.gateways) {
    const text = await (await fetch(`${adminUrl}/metrics`)).text()
    for (const [, count] of text.matchAll(
      /^passerelle_store_commands_total\{script="lease",[^}]*\} (\d+)$/gm,
    ))
      calls += Number(count)
  }
  return calls
}

t.test(
  'while the store is frozen each route does as it is told, and nobody is let in unknown',
  skip,
  async (t) => {
    const fleet = await startFleet(t, 2)
    for (const index of [0, 1])
      for (const token of ['t1', 't2', 't3']) await fleet.call(index, '/strict', token)
    fleet.redis.pause()
    t.teardown(() => fleet.redis.resume())
    t.equal((await useUp(fleet, '/strict', 't1')) <= 34, true, 'what was in hand')
    const refused = await fleet.call(0, '/strict', 't1')
    t.match([refused.status, refused.headers.get('retry-after')], [503, '1'])
    t.match(await refused.json(), { code: 'quota-unavailable' })
    const insured = await useUp(fleet, '/insured', 't2')
    t.ok(insured >= 2, `${insured} from what was in hand and the shares`)
    for (let i = 0; i < 50; i += 1) {
      const answer = await fleet.call(i % 2, '/open', 't3')
      t.equal(answer.status, 200)
      if (i > 40)
        t.equal(
          answer.headers.get('x-rate-limit-remaining'),
          null,
          'nothing is claimed of what is not counted',
        )
    }
    t.equal((await fleet.call(0, '/shadow', 't4')).status, 200, 'a limit in shadow refuses nobody')
    t.equal((await fleet.call(0, '/open', 'unknown')).status, 401, 'authentication never opens')
    for (const { adminUrl } of fleet.gateways) t.equal((await fetch(`${adminUrl}/readyz`)).status, 200)
    fleet.redis.resume()
    await until('the store is used again', async () => (await fleet.call(0, '/strict', 't1')).status !== 503)
    const served = fleet.backend.requests.filter(
      ({ url, headers }) => url === '/insured' || headers['x-client-id'] === 't2',
    )
    await until('all is used up', async () => (await useUp(fleet, '/insured', 't2')) === 0)
    t.ok(served.length > 0)
    const ofSecond = fleet.backend.requests.filter(({ headers }) => headers['x-client-id'] === 't2')
    t.ok(ofSecond.length <= 44, `${ofSecond.length} of 40, and a tenth`)
    t.ok(ofSecond.length >= 40, 'the store was told of what was served without it')
    const ofFirst = fleet.backend.requests.filter(({ headers }) => headers['x-client-id'] === 't1')
    t.ok(ofFirst.length <= 40)
  },
)

/** What a store can have lost: everything, nothing by its append-only file, or what that file does not hold. */
const losses: Readonly<Record<string, (redis: RedisServer) => Promise<unknown>>> = {
  'has lost everything': (redis) => redis.send('FLUSHALL'),
  'comes back from its append-only file': async (redis) => {
    await redis.kill()
    await redis.start()
  },
  'comes back from half of its append-only file': async (redis) => {
    await redis.kill()
    const file = join(redis.folder, 'appendonlydir', 'appendonly.aof.1.incr.aof')
    truncateSync(file, Math.floor(statSync(file).size / 2))
    await redis.start()
  },
}

for (const [name, lose] of Object.entries(losses))
  t.test(`a store that ${name} is told again`, skip, async (t) => {
    const fleet = await startFleet(t, 3, ['--appendonly', 'yes'])
    for (let i = 0; i < 30; i += 1) await fleet.call(i % 2, '/strict')
    await lose(fleet.redis)
    // The third has never counted this client, and knows nothing of what the others have used.
    const { status } = await fleet.call(2, '/strict')
    t.ok(status === 200 || status === 503)
    await until('it has used up the rest', async () => (await fleet.call(2, '/strict')).status === 429)
    await until('all is used up', async () => (await useUp(fleet, '/strict', 't1')) === 0)
    t.ok(fleet.backend.requests.length <= 40, `${fleet.backend.requests.length} of 40`)
    t.ok(fleet.backend.requests.length >= 36)
  })

t.test('what somebody else has written under a quota’s key lets nobody in, and is told', skip, async (t) => {
  const fleet = await startFleet(t, 1)
  await fleet.call(0, '/strict', 't1')
  const [key = ''] = (await fleet.client.keys('*:q:*')) as [string]
  t.ok(key)
  const foreign: readonly (() => Promise<unknown>)[] = [
    () => fleet.client.set(key, 'something'),
    () => fleet.client.rpush(key, 'a', 'b'),
    () => fleet.client.hset(key, { s: 'x', e: '99999999999999', g: '1' }),
    () => fleet.client.hset(key, { s: '1', e: '99999999999999', g: 'nan', o: '', n: '-' }),
    () =>
      fleet.client.hset(key, { s: '1', e: String(Date.now() + 9e6), g: '0', o: '0', n: '1', 'p:x': '1:2:3' }),
  ]
  for (const [index, write] of foreign.entries()) {
    await fleet.client.del(key)
    await write()
    const answers = []
    for (let i = 0; i < 45; i += 1) answers.push((await fleet.call(0, '/strict', 't1')).status)
    t.ok(answers.filter((status) => status === 200).length <= 40, `${index}: never more than the limit`)
    t.equal((await fleet.call(0, '/strict', 't2')).status === 500, false)
  }
  t.match(fleet.gateways[0]?.logLines.join('\n'), /written by somebody else: delete its key/)
  t.match(fleet.gateways[0]?.logLines.join('\n'), /quota-unavailable/)
})
