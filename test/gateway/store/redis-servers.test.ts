/** The Redis servers that other tests kill and freeze must do what those tests believe, and be gone afterwards. */
import t from 'tap'
import { startRedis } from '../../support/redis-servers.ts'
import { needs, openssl, redisServer } from '../../support/services.ts'

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
