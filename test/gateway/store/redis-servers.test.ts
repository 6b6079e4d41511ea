/** The Redis servers that other tests kill and freeze must do what those tests believe, and be gone afterwards. */
import t from 'tap'
import { startCluster, startRedis, startSentinels } from '../../support/redis-servers.ts'
import { needs, openssl, redisServer } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const options = { ...(await needs(redisServer)), ...(await needs(openssl)) }

t.test('a Redis of a test’s own is started again with its data or without them', options, async (t) => {
  const redis = await startRedis(t)
  await redis.send('SET', 'a', '1')
  await redis.restart({ keepsData: true })
  t.equal(await redis.send('GET', 'a'), '1')
  await redis.restart()
  t.equal(await redis.send('GET', 'a'), null)
  await redis.kill()
  await t.rejects(redis.send('PING'))
  await redis.restart()
  t.equal(await redis.send('PING'), 'PONG')
})

t.test('a frozen Redis answers again when it is thawed', options, async (t) => {
  const redis = await startRedis(t)
  redis.pause()
  const answer = redis.send('PING')
  redis.resume()
  t.equal(await answer, 'PONG')
})

t.test('a Redis with TLS and ACL users lets in nobody else', options, async (t) => {
  const redis = await startRedis(t, { tls: true, acl: ['user gateway on >secret ~* &* +ping'] })
  t.equal(await redis.send('ACL', 'WHOAMI'), 'administrator')
  t.equal(redis.urlFor('gateway:secret@'), `rediss://gateway:secret@127.0.0.1:${redis.port}`)
})

t.test('three Sentinels make the replica of a dead primary the primary', options, async (t) => {
  const { primary, url } = await startSentinels(t)
  t.match(url, /^redis\+sentinel:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/main$/)
  const first = await primary()
  await first.kill()
  await until('there is another primary', async () => (await primary()) !== first)
  const second = await primary()
  await until('it takes writes', async () => String(await second.send('ROLE')).startsWith('master'))
})

t.test('a replica that was left behind is promoted with what it had', options, async (t) => {
  const { primary, leaveBehind } = await startSentinels(t)
  const first = await primary()
  await first.send('SET', 'a', 'old')
  await first.send('WAIT', 1, 1_000)
  await leaveBehind()
  await first.send('SET', 'a', 'new')
  await first.kill()
  await until('there is another primary', async () => (await primary()) !== first)
  t.equal(await (await primary()).send('GET', 'a'), 'old')
})

t.test('a Cluster serves all slots again after a primary has died', options, async (t) => {
  const { nodes, primaryOf, untilWhole } = await startCluster(t)
  t.equal(nodes.length, 6)
  const first = await primaryOf('a')
  await first.kill()
  await until('there is another primary', async () => (await primaryOf('a')) !== first)
  await untilWhole()
  t.equal(await (await primaryOf('a')).send('SET', 'a', '1'), 'OK')
})
