/**
 * A token that its holder revokes through the gateway (RFC 7009): remembered for as long as it has to be, and no longer.
 * The attack: providers answer 200 to anything, so that a client can have made-up tokens remembered without end, until
 * there is no room for those that an administrator has revoked.
 */
import t from 'tap'
import { startRedis } from '../../support/redis-servers.ts'
import { needs, redisServer } from '../../support/services.ts'
import { openTestStore } from '../../support/shared-store.ts'
import {
  createTokenNode,
  MapProvider,
  metadataOf,
  type TokenNode,
  type TokenNodeOptions,
} from '../../support/token-node.ts'
import { until } from '../../support/until.ts'

const options = await needs(redisServer)
const startMs = Date.now()
const dayMs = 86_400_000
/** The lives of answers, fresh and stale, and a minute. */
const answersLiveMs = 180_000

const pass = ({ revocations }: TokenNode, token: string, passedFrom = '192.0.2.9') =>
  revocations.announce({
    target: { kind: 'token', token },
    effect: 'revoke',
    providers: ['test'],
    passedFrom,
  })
const revoke = ({ revocations }: TokenNode, token: string) =>
  revocations.announce({ target: { kind: 'token', token }, effect: 'revoke' })

function setUp(options: Partial<TokenNodeOptions> = {}) {
  const time = { nowMs: startMs }
  const provider = new MapProvider()
  for (const token of ['a', 'b'])
    provider.tokens.set(token, metadataOf('Tracks', { exp: startMs / 1_000 + 7 * 86_400 }))
  return { time, provider, node: createTokenNode({ provider, clock: () => time.nowMs, ...options }) }
}

t.test('it is refused until every older answer is past, and then the provider is asked', async (t) => {
  const { time, provider, node } = setUp()
  for (const isKnown of [true, false]) {
    const token = isKnown ? 'a' : 'b'
    if (isKnown) await node.ask(token)
    await pass(node, token)
    const asked = provider.asked.length
    time.nowMs += answersLiveMs - 1
    t.equal(await node.ask(token), 'token-invalid')
    t.equal(provider.asked.length, asked)
    time.nowMs += 1
    provider.tokens.delete(token)
    t.equal(await node.ask(token), 'token-invalid')
    t.equal(provider.asked.length, asked + 1, 'it knows by itself')
  }
})

t.test('one that is checked here is refused until its end, known or not, for 30 days at most', async (t) => {
  for (const days of [1, 7, 60])
    for (const isKnown of [true, false]) {
      const { time, provider, node } = setUp({ isLocal: true })
      provider.tokens.set('a', metadataOf('Tracks', { exp: startMs / 1_000 + days * 86_400 }))
      if (isKnown) await node.ask('a')
      await pass(node, 'a')
      time.nowMs += Math.min(days, 30) * dayMs - 1
      t.equal(await node.ask('a'), 'token-invalid', `${days} days, ${isKnown}`)
      time.nowMs += 1
      t.equal(await node.ask('a'), days > 30 ? 'Tracks' : 'token-invalid')
    }
})

t.test('while nobody can verify one that is checked here, it is believed for a day', async (t) => {
  const { time, provider, node } = setUp({ isLocal: true })
  const claims = (exp: number) => Buffer.from(JSON.stringify({ exp })).toString('base64url')
  const forever = `e30.${claims(startMs / 1_000 + 1_000 * 86_400)}.x`
  provider.failure = new Error('there are no keys')
  await pass(node, forever)
  provider.failure = undefined
  provider.tokens.set(forever, metadataOf('Tracks', { exp: startMs / 1_000 + 1_000 * 86_400 }))
  time.nowMs += dayMs - 1_000
  t.equal(await node.ask(forever), 'token-invalid')
  time.nowMs += 1_000
  t.equal(await node.ask(forever), 'Tracks')
})

t.test('what clients make up pushes out nothing that an administrator has revoked', async (t) => {
  {
    const { time, node } = setUp()
    await revoke(node, 'a')
    for (let i = 0; i < 101_000; i += 1) await pass(node, `made-up-${i}`, `2001:db8::${i.toString(16)}`)
    t.equal(await node.ask('a'), 'token-invalid')
    time.nowMs += dayMs - 1
    t.equal(await node.ask('a'), 'token-invalid')
  }
})

t.test('an address has 600 unknown tokens a minute remembered; a true one acts beyond it too', async (t) => {
  const { time, provider, node } = setUp()
  await node.ask('a')
  const notRemembered = () => node.outcomes.filter((outcome) => outcome === 'not remembered').length
  for (let i = 0; i < 1_000; i += 1) await pass(node, `made-up-${i}`)
  t.equal(notRemembered(), 400)
  await pass(node, 'a')
  t.equal(notRemembered(), 400, 'what is known is not made up')
  t.equal(await node.ask('a'), 'token-invalid')
  await pass(node, 'b')
  t.equal(notRemembered(), 401)
  provider.tokens.delete('b')
  t.equal(await node.ask('b'), 'token-invalid')
  t.ok(provider.asked.includes('b'), 'by the provider’s own word')
  await pass(node, 'another', '192.0.2.10')
  t.equal(notRemembered(), 401, 'another address has its own')
  time.nowMs += 60_000
  await pass(node, 'later')
  t.equal(notRemembered(), 401)
  const local = setUp({ isLocal: true })
  for (let i = 0; i < 700; i += 1) await pass(local.node, `made-up-${i}`)
  await pass(local.node, 'b')
  t.equal(await local.node.ask('b'), 'token-invalid', 'one that is checked here is verified, and remembered')
})

t.test('a revocation from above is not cut short by one from below, nor the other way round', async (t) => {
  const { time, node } = setUp()
  await revoke(node, 'a')
  await pass(node, 'a')
  await pass(node, 'b')
  await revoke(node, 'b')
  time.nowMs += dayMs - 1
  t.same([await node.ask('a'), await node.ask('b')], ['token-invalid', 'token-invalid'])
})

t.test(
  'in a fleet all hear of it, and the store holds of what was made up little and not for long',
  options,
  async (t) => {
    const redis = await startRedis(t)
    const provider = new MapProvider()
    for (const token of ['a', 'b']) provider.tokens.set(token, metadataOf('Tracks'))
    const nodes: TokenNode[] = []
    for (let i = 0; i < 2; i += 1) {
      const { store } = await openTestStore(t, redis.url)
      await until('it listens', () => store.isUp && store.isListening)
      nodes.push(createTokenNode({ provider, store, clock: () => startMs }))
    }
    const [one, other] = nodes as [TokenNode, TokenNode]
    for (const node of nodes) for (const token of ['a', 'b']) t.equal(await node.ask(token), 'Tracks')
    await pass(one, 'a')
    await until('the other refuses it', async () => (await other.ask('a')) === 'token-invalid')
    for (let i = 0; i < 700; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, j) => pass(one, `made-up-${i + j}`)))
    const keys = (await redis.send('KEYS', '*:r:*')) as string[]
    t.equal(keys.length, 601)
    const lives = await Promise.all(keys.map((key) => redis.send('PTTL', key)))
    t.ok(lives.every((life) => Number(life) > 0 && Number(life) <= answersLiveMs))
    provider.tokens.delete('b')
    await pass(one, 'b', '192.0.2.77')
    await until('the other refuses it too', async () => (await other.ask('b')) === 'token-invalid')
    for (const node of nodes) node.revocations.close()
  },
)

t.test('beyond the cap an answer that another process holds is asked for again', options, async (t) => {
  const redis = await startRedis(t)
  const provider = new MapProvider()
  provider.tokens.set('a', metadataOf('Tracks'))
  const nodes: TokenNode[] = []
  for (let i = 0; i < 2; i += 1) {
    const { store } = await openTestStore(t, redis.url)
    await until('it listens', () => store.isUp && store.isListening)
    nodes.push(createTokenNode({ provider, store, clock: () => startMs }))
  }
  const [one, other] = nodes as [TokenNode, TokenNode]
  t.equal(await other.ask('a'), 'Tracks')
  for (let i = 0; i < 600; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, j) => pass(one, `made-up-${i + j}`)))
  provider.tokens.delete('a')
  t.equal(await other.ask('a'), 'Tracks', 'it holds the old answer')
  await pass(one, 'a')
  t.ok(one.outcomes.includes('not remembered'))
  await until('the other asks again', async () => (await other.ask('a')) === 'token-invalid')
  for (const node of nodes) node.revocations.close()
})

t.test('a user who is revoked at one provider is not at another', async (t) => {
  const { provider, node } = setUp()
  provider.tokens.set('u', metadataOf('Tracks', { sub: 'ann' }))
  await node.ask('u')
  const target = { kind: 'user', id: 'ann' } as const
  await node.revocations.announce({ target, effect: 'revoke', providers: ['another'] })
  await node.ask('u')
  t.equal(provider.asked.length, 1)
  await node.revocations.announce({ target, effect: 'revoke', providers: ['test', 'another'] })
  await node.ask('u')
  t.equal(provider.asked.length, 2)
})
