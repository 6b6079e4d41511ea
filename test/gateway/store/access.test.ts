/** Who lets the store in: TLS with a private authority, ACL users, and what is said when it is not let in. */
import t, { type Test } from 'tap'
import { startRedis } from '../../support/redis-servers.ts'
import { setScene } from '../../support/scene.ts'
import { needs, openssl, redisServer } from '../../support/services.ts'
import { openTestStore, swap, throughOutage } from '../../support/shared-store.ts'
import { until } from '../../support/until.ts'

const options = { ...(await needs(redisServer)), ...(await needs(openssl)) }

/** The rule that docs/operations.md gives, with another prefix and password. */
const rule =
  'on >s3cret-of-gateway ~test:* &test:* -@all +@read +@write -@dangerous +eval +evalsha +publish +subscribe +ping +time +select +info +client|setname +cluster|slots'

t.test(
  'a store speaks TLS with a private authority, as an ACL user with the least rights',
  options,
  async (t) => {
    const redis = await startRedis(t, { tls: true, acl: [`user gateway ${rule}`] })
    const url = redis.urlFor('gateway:s3cret-of-gateway@')
    const { store, logLines } = await openTestStore(t, url, { ca: redis.ca })
    await until('the store is up', () => store.isUp && store.isListening)
    t.equal(await store.run(swap, [store.key('b0', 'x')], [1]), null)
    t.same(await redis.send('ACL', 'LOG'), [], 'nothing was asked for that is denied')
    await t.rejects(store.run(swap, ['foreign:key'], [1]), /^the script swap failed: .*\(NOPERM\)$/)
    t.ok(store.isUp, 'the store itself is in order')
    t.notMatch(logLines.join(''), /s3cret/)
  },
)

t.test('a gateway needs no more rights than that, for quotas, tokens and revocations', options, async (t) => {
  const redis = await startRedis(t, { tls: true, acl: [`user gateway ${rule}`] })
  const store = { url: redis.urlFor('gateway:s3cret-of-gateway@'), ca: redis.ca, prefix: 'test' }
  const revocation = { secret: 'a-secret-of-the-administrators' }
  const limit = [{ quota: '5/1h' }, { quota: '3/1h', algorithm: 'gcra' }]
  const { gateway, call } = await setScene(t, {
    config: { store, revocation },
    routes: (to) => ({ '/api1': { to, limit, whenStoreFails: 'strict' } }),
  })
  const statuses = []
  for (let i = 0; i < 5; i += 1) statuses.push((await call('/api1', { token: 'good' })).status)
  t.same(statuses, [200, 200, 200, 429, 429])
  t.equal((await call('/.passerelle/me', { token: 'good' })).status, 200)
  for (const body of [{ token: 'good' }, { client: 'Tracks' }, { all: true }]) {
    const headers = { authorization: `Bearer ${revocation.secret}`, 'content-type': 'application/json' }
    const asked = { method: 'POST', headers, body: JSON.stringify(body) }
    t.equal((await fetch(`${gateway.adminUrl}/revocations`, asked)).status, 204)
  }
  t.equal((await call('/api1', { token: 'good' })).status, 401)
  t.same(await redis.send('ACL', 'LOG'), [], 'nothing was asked for that is denied')
  t.notMatch(gateway.logLines.join(''), /s3cret/)
})

/** Opens a store that cannot come up, and looks at what the log and the errors say of it. */
async function openInVain(
  t: Test,
  { url, ca }: { readonly url: string; readonly ca?: string | undefined },
  reason: RegExp,
): Promise<void> {
  const { store, logLines } = await openTestStore(t, url, { ca })
  t.notOk(store.isUp)
  const error = await store.run(swap, [store.key('b0', 'x')], [1]).catch((error: unknown) => error as Error)
  const text = `${logLines.join('')}${JSON.stringify(error, Object.getOwnPropertyNames(error))}`
  t.match(text, reason)
  t.notMatch(text, /s3cret/, 'no password is in a log line or an error')
}

t.test('whoever is not let in reads why', options, async (t) => {
  const acl = [`user gateway ${rule}`, 'user poor on >s3cret ~* &* +ping']
  const redis = await startRedis(t, { tls: true, acl })
  const { ca } = redis
  const plain = redis.urlFor('gateway:s3cret@').replace('rediss', 'redis')
  await Promise.all([
    openInVain(
      t,
      { url: redis.urlFor('gateway:s3cret-wrong@'), ca },
      /refuses the user name or the password/,
    ),
    openInVain(t, { url: redis.urlFor('nobody:s3cret@'), ca }, /refuses the user name or the password/),
    openInVain(t, { url: redis.urlFor(''), ca }, /wants a user name and a password/),
    openInVain(t, { url: redis.urlFor('poor:s3cret@'), ca }, /ACL user may not do what the gateway needs/),
    openInVain(t, { url: redis.urlFor('gateway:s3cret@') }, /not trusted: `store.ca`/),
    openInVain(t, { url: plain }, /wants TLS/),
  ])
})

t.test('a server that cannot serve the gateway is told from one that is gone', options, async (t) => {
  const redis = await startRedis(t, { args: ['--databases', '2'] })
  const replica = await startRedis(t, { args: ['--replicaof', redis.host, String(redis.port)] })
  const node = await startRedis(t, { args: ['--cluster-enabled', 'yes', '--cluster-port', '0'] })
  await Promise.all([
    openInVain(t, { url: `${redis.url}/7` }, /no database of this number/),
    openInVain(t, { url: redis.url.replace('redis', 'rediss') }, /speaks no TLS/),
    openInVain(t, { url: redis.url.replace('redis', 'redis+cluster') }, /no node of a Cluster/),
    openInVain(t, { url: replica.url }, /read-only replica/),
    openInVain(t, { url: node.url }, /Cluster/),
  ])
  t.equal(await redis.send('DBSIZE'), 0, 'nothing was written to another database')
})

t.test('another database is used for good, after a new connection too', options, async (t) => {
  const redis = await startRedis(t)
  const { store } = await openTestStore(t, `${redis.url}/3`)
  await store.run(swap, [store.key('b0', 'x')], [1])
  await throughOutage(store, () => redis.send('CLIENT', 'KILL', 'TYPE', 'normal'))
  await store.run(swap, [store.key('b0', 'y')], [1])
  t.equal(await redis.send('DBSIZE'), 0)
})

t.test('a password without a user is the default user’s', options, async (t) => {
  const redis = await startRedis(t)
  await redis.send('CONFIG', 'SET', 'requirepass', 's3cret')
  const { store } = await openTestStore(t, redis.urlFor(':s3cret@'))
  t.ok(store.isUp)
})

t.test('a server that evicts what it was told to keep is warned of', options, async (t) => {
  const evicting = ['--maxmemory', '100mb', '--maxmemory-policy']
  const careless = await startRedis(t, { args: [...evicting, 'allkeys-lru'] })
  const { logLines } = await openTestStore(t, careless.url)
  await until('it is warned', () => logLines.some((line) => line.includes('noeviction')))
  const careful = await startRedis(t, { args: [...evicting, 'noeviction'] })
  const other = await openTestStore(t, careful.url)
  await other.store.info('memory')
  t.notMatch(other.logLines.join(''), /noeviction/)
})

t.test('a file of certificates that is not there stops the start', options, async (t) => {
  const opening = openTestStore(t, 'rediss://127.0.0.1:1', { ca: '/nowhere/ca.crt' })
  await t.rejects(opening, {
    name: 'StoreSettingsError',
    message: 'store.ca: the file /nowhere/ca.crt cannot be read: ENOENT',
  })
})
