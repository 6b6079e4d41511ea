import t, { type Test } from 'tap'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { type GatewayUnderTest, startTestGateway } from '../support/gateway.ts'
import { type IdentityStub, startIdentityStub } from '../support/identity-stub.ts'
import { startRedis } from '../support/redis-servers.ts'
import { needs, redisServer } from '../support/services.ts'
import { until } from '../support/until.ts'

const skip = await needs(redisServer)
const secret = 'a-secret-of-the-administrators'

interface Fleet {
  readonly gateways: readonly GatewayUnderTest[]
  readonly identity: IdentityStub
  /** The statuses that each gateway answers to a token. */
  statuses(token: string): Promise<number[]>
  revoke(gateway: number, body: unknown): Promise<number>
}

/** Three gateways on one Redis, and a provider that knows the tokens `t1` and `t2` of the client Tracks, and `other`. */
async function startFleet(t: Test): Promise<Fleet> {
  const redis = await startRedis(t)
  const backend = await startBackendRecorder()
  const identity = await startIdentityStub()
  for (const token of ['t1', 't2']) identity.tokens.set(token, { client: 'Tracks', roles: 'USER' })
  identity.tokens.set('other', { client: 'Other', roles: 'USER' })
  const gateways: GatewayUnderTest[] = []
  for (let i = 0; i < 3; i += 1)
    gateways.push(
      await startTestGateway({
        store: redis.url,
        identity: { verify: identity.verifyUrl, revocationEndpoint: '/oauth/revoke' },
        revocation: { secret },
        routes: { '/api': { to: backend.url, roles: ['USER'] }, '/oauth': { to: backend.url, auth: 'none' } },
      }),
    )
  t.teardown(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()))
    await Promise.all([backend.close(), identity.close()])
  })
  const call = async ({ url }: GatewayUnderTest, token: string) =>
    (await fetch(`${url}/api`, { headers: { authorization: `Bearer ${token}` } })).status
  return {
    gateways,
    identity,
    statuses: (token) => Promise.all(gateways.map((gateway) => call(gateway, token))),
    revoke: async (index, body) => {
      const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
      const url = `${gateways[index]?.adminUrl}/revocations`
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status
    },
  }
}

const all = (status: number) => [status, status, status]

t.test('a token that one gateway is told of is refused by all, and no other is', skip, async (t) => {
  const fleet = await startFleet(t)
  for (const token of ['t1', 't2', 'other']) t.same(await fleet.statuses(token), all(200))
  t.equal(await fleet.revoke(1, { token: 't1' }), 204)
  await until('all refuse it', async () => (await fleet.statuses('t1')).every((status) => status === 401))
  t.same(await fleet.statuses('t1'), all(401), 'although the provider still says that it is valid')
  for (const token of ['t2', 'other']) t.same(await fleet.statuses(token), all(200))
})

t.test(
  'a client that was revoked is asked for again, and its changed roles count at once',
  skip,
  async (t) => {
    const fleet = await startFleet(t)
    t.same(await fleet.statuses('t1'), all(200))
    fleet.identity.tokens.set('t1', { client: 'Tracks', roles: 'OTHER' })
    t.same(await fleet.statuses('t1'), all(200), 'nobody has told them')
    t.equal(await fleet.revoke(0, { client: 'Tracks', effect: 'refresh' }), 204)
    await until('all know its new roles', async () =>
      (await fleet.statuses('t1')).every((status) => status === 403),
    )
    fleet.identity.tokens.delete('t2')
    t.equal(await fleet.revoke(2, { client: 'Tracks' }), 204)
    await until('all ask again', async () => (await fleet.statuses('t2')).every((status) => status === 401))
    t.same(await fleet.statuses('other'), all(200))
  },
)

t.test(
  'a token that its holder revokes through the gateway (RFC 7009) is refused by all',
  skip,
  async (t) => {
    const fleet = await startFleet(t)
    t.same(await fleet.statuses('t1'), all(200))
    const body = new URLSearchParams({ token: 't1', token_type_hint: 'access_token' })
    t.equal((await fetch(`${fleet.gateways[0]?.url}/oauth/revoke`, { method: 'POST', body })).status, 200)
    await until('all refuse it', async () => (await fleet.statuses('t1')).every((status) => status === 401))
  },
)
