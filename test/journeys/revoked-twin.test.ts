/**
 * An ES256 token has a twin, with another signature and so another hash. What the authorization server tells the gateways
 * is the hash of the token as issued; nothing but the gateways’ own knowledge of twins can stop the other one.
 */
import t, { type Test } from 'tap'
import { twinOf } from '../../gateway/tokens/signature-twin.ts'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { formCredentials, obtainTokens, startTestServer, tester } from '../support/oauth-server.ts'
import { freeLastingPort } from '../support/ports.ts'
import { startRedis } from '../support/redis-servers.ts'
import { needs, redisServer } from '../support/services.ts'
import { until } from '../support/until.ts'

const api = 'https://api.example.org'
const secret = 'a-secret-of-the-gateways'

/** An authorization server that tells the first of two gateways, in processes of their own on one Redis. */
async function setUp(t: Test) {
  const [redis, backend, port] = [await startRedis(t), await startBackendRecorder(), await freeLastingPort()]
  t.teardown(() => backend.close())
  const start = () =>
    startGatewayProcess(t, {
      store: redis.url,
      identity: { jwt: { issuer: `http://127.0.0.1:${port}`, audience: api } },
      tokenCache: { ttl: '1h' },
      revocation: { secret },
      routes: { '/api': { to: backend.url } },
    })
  const gateways = await Promise.all([start(), start()])
  const server = await startTestServer(t, {
    listen: { host: '127.0.0.1', port },
    gateways: [{ url: `${gateways[0].adminUrl}/revocations`, secret }],
  })
  const resources = new ResourceRegistry(server.db, new Changes(server.db, Date.now))
  await resources.create({ uri: api, name: 'The API', tokenFormat: 'jwt' }, tester)
  const client = await server.create({ audiences: [api] })
  return {
    gateways,
    start,
    issue: async () => (await obtainTokens(server, client)).access_token,
    revoke: async (token: string) => {
      const heeded = () => gateways[0].metric('passerelle_revocations_heeded_total', 'kind="token"')
      const before = await heeded()
      const answer = await server.post('/oauth/revoke', { token, ...formCredentials(client) })
      t.equal(answer.status, 200)
      await until('the first gateway is told', async () => (await heeded()) > before)
    },
  }
}

async function statusesAt(gateways: readonly GatewayProcess[], token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const calls = gateways.map(async ({ url }) => (await fetch(`${url}/api`, { headers })).status)
  return (await Promise.all(calls)).join(' ')
}

t.test(
  'the twin of a revoked token is refused: known or not, by who is told and by others, before and after a restart',
  await needs(redisServer),
  async (t) => {
    const { gateways, start, issue, revoke } = await setUp(t)
    const [known, unknown, alive] = [await issue(), await issue(), await issue()]
    const twin = (token: string) => twinOf(token) ?? 'none'
    // They were started before the server, and asked it for its keys in vain.
    await until('both have its keys', async () => (await statusesAt(gateways, twin(known))) === '200 200')

    await revoke(known)
    await until(
      'both refuse the twin that they knew',
      async () => (await statusesAt(gateways, twin(known))) === '401 401',
    )
    t.equal(await statusesAt(gateways, known), '401 401')

    await revoke(unknown)
    for (const form of [twin(unknown), unknown])
      await until('both refuse it', async () => (await statusesAt(gateways, form)) === '401 401')

    await Promise.all(gateways.map((gateway) => gateway.end('SIGKILL')))
    const restarted = await Promise.all([start(), start()])
    for (const token of [known, unknown])
      for (const form of [twin(token), token]) t.equal(await statusesAt(restarted, form), '401 401')
    t.equal(await statusesAt(restarted, twin(alive)), '200 200', 'that of no other token')
  },
)
