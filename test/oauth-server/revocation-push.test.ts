import { createServer } from 'node:net'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import type { GatewayTarget } from '../../oauth-server/config/gateway-options.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { PushMetrics } from '../../oauth-server/gateways/push-metrics.ts'
import { RevocationPush } from '../../oauth-server/gateways/revocation-push.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Effect, Subject } from '../../oauth-server/store/revocation-outbox.ts'
import { captureLog } from '../support/captured-log.ts'
import { createSqlite } from '../support/databases.ts'
import { fakeSecret, startFakeGateway, take } from '../support/fake-gateway.ts'
import { basic, obtainTokens, startTestServer, tester } from '../support/oauth-server.ts'
import { freeLastingPort } from '../support/ports.ts'
import { until } from '../support/until.ts'

/** A server's pushes on a clock that moves by itself and can be set forward. */
async function setUp(t: Test) {
  const database = await createSqlite()
  t.teardown(() => database.drop())
  const db = await openDatabase(database.url)
  t.teardown(() => db.destroy())
  const time = { aheadMs: 0 }
  const now = () => Date.now() + time.aheadMs
  const { lines, log } = captureLog()
  const registry = new Registry()
  const listener = new PushMetrics(registry, () => push.countWaiting())
  const push: RevocationPush = new RevocationPush({ db, now, log, listener, random: () => 0.5 })
  t.teardown(() => push.stop())
  const changes = new Changes(db, now, () => push.wake())
  const tell = (subject: Subject, effect: Effect = 'revoke') =>
    changes.make(tester, async (change) => change.affects(subject, effect))
  return { db, time, lines, registry, push, tell }
}

/** Without the first word of all, for a gateway that is new. */
const about = (told: readonly Record<string, unknown>[]) => told.filter(({ all }) => all === undefined)

t.test('each kind of change is told in the gateway’s own form, and a token by its hash', async (t) => {
  const { push, tell } = await setUp(t)
  const gateway = await startFakeGateway(t)
  await push.pushTo([gateway.target])
  await tell({ kind: 'client', id: 'demo' })
  await tell({ kind: 'user', id: 'ann é' }, 'refresh')
  await tell({ kind: 'token', id: 'ab'.repeat(32), expiresAt: 4_000_000_000_001 })
  await tell({ kind: 'token', id: 'cd'.repeat(32) })
  await until('all is told', () => gateway.taken.length === 5)
  t.same(gateway.taken, [
    { all: true, effect: 'refresh' },
    { client: 'demo', effect: 'revoke' },
    { user: 'ann é', effect: 'refresh' },
    { token_hash: 'ab'.repeat(32), expires_at: 4_000_000_001, effect: 'revoke' },
    { token_hash: 'cd'.repeat(32), effect: 'revoke' },
  ])
})

t.test('a gateway that fails keeps nobody else waiting, and gets all once it is back', async (t) => {
  const { push, tell, lines, registry } = await setUp(t)
  const [bad, good] = await Promise.all([startFakeGateway(t), startFakeGateway(t)])
  await push.pushTo([bad.target, good.target])
  await until('both are there', () => bad.taken.length === 1 && good.taken.length === 1)
  bad.answer = (_told, response) => void response.writeHead(500).end('<html>')
  for (let i = 0; i < 100; i += 1) await tell({ kind: 'client', id: `c${i}` })
  await until('the good one knows', () => about(good.taken).length === 100)
  await until('it is told that it fails', () => lines.some((line) => line.includes('at the moment')))
  t.ok(bad.sent.length < 60, `it is not stormed: ${bad.sent.length}`)
  t.match(await registry.metrics(), /_pushes_waiting\{gateway="http:[^"]*"\} 100$/m)
  bad.answer = take
  await until('it knows too', () => new Set(about(bad.taken).map(({ client }) => client)).size === 100)
  await until('the log says so', () => lines.some((line) => line.includes('takes revocations again')))
  await until('nothing is left', async () => (await push.countWaiting()).size === 0)
  t.match(await registry.metrics(), /_pushes_total\{gateway="http:[^"]*",outcome="unavailable"\}/)
  t.equal(lines.filter((line) => line.includes('at the moment')).length, 1, 'one line for one outage')
  t.notMatch(lines.join(''), new RegExp(fakeSecret))
})

t.test('a gateway that never answers is given up within two seconds, and tried again', async (t) => {
  const { push, tell, lines } = await setUp(t)
  const gateway = await startFakeGateway(t)
  await push.pushTo([gateway.target])
  await until('it is there', () => gateway.taken.length === 1)
  gateway.answer = () => undefined
  for (let i = 0; i < 20; i += 1) await tell({ kind: 'client', id: `c${i}` })
  await until('it is given up', () => lines.some((line) => line.includes('did not answer within 2000 ms')))
  gateway.answer = take
  await until('it is told', () => new Set(about(gateway.taken).map(({ client }) => client)).size === 20)
})

t.test('where nobody listens, or what listens is no HTTP, it is tried again', async (t) => {
  const { push, tell, lines } = await setUp(t)
  const garbage = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end('220 mail.example ESMTP\r\n')
  })
  const port = await freeLastingPort()
  await new Promise<void>((resolve) => void garbage.listen(port, '127.0.0.1', resolve))
  t.teardown(() => garbage.close())
  const nobody = await freeLastingPort()
  const targets: GatewayTarget[] = [port, nobody].map((number) => ({
    ...{ url: `http://127.0.0.1:${number}/revocations`, secret: fakeSecret },
  }))
  await push.pushTo(targets)
  await tell({ kind: 'client', id: 'demo' })
  for (const reason of ['ECONNREFUSED', 'HTTPParserError'])
    await until(reason, () => lines.some((line) => line.includes(reason)))
  t.same([...(await push.countWaiting()).values()], [2, 2])
})

for (const [what, answer] of [
  ['401', (response) => response.writeHead(401).end()],
  ['404', (response) => response.writeHead(404).end('nothing here')],
  ['a redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ['200', (response) => response.writeHead(200).end('<html>welcome</html>')],
] as readonly [string, (response: import('node:http').ServerResponse) => unknown][])
  t.test(
    `a gateway that answers ${what} needs setting right: it is asked rarely, and told of loudly`,
    async (t) => {
      const { push, tell, lines } = await setUp(t)
      const [gateway, good] = await Promise.all([startFakeGateway(t), startFakeGateway(t)])
      gateway.answer = (_told, response) => void answer(response)
      await push.pushTo([gateway.target, good.target])
      for (let i = 0; i < 5; i += 1) await tell({ kind: 'client', id: `c${i}` })
      await until('the log says so', () =>
        lines.some((line) => line.includes('look at its URL and its secret')),
      )
      for (let i = 0; i < 12; i += 1) {
        await tell({ kind: 'client', id: `d${i}` })
        await until('another knows', () => good.taken.some(({ client }) => client === `d${i}`))
      }
      t.ok(gateway.sent.length <= 8, `it was asked ${gateway.sent.length} times`)
      t.match(
        lines.find((line) => line.includes('look at')),
        /"level":50/,
      )
      t.notMatch(lines.join(''), new RegExp(fakeSecret))
      await until('the other one knows all', async () => (await push.countWaiting()).size === 1)
      t.same((await push.countWaiting()).get(gateway.target.url), 18, 'nothing is lost meanwhile')
    },
  )

t.test(
  'one revocation that a gateway refuses keeps no other from it, and is tried again later',
  async (t) => {
    const { push, tell, lines, time } = await setUp(t)
    const gateway = await startFakeGateway(t)
    let isOld = true
    gateway.answer = (told, response) =>
      isOld && 'token_hash' in told ? void response.writeHead(400).end() : take(told, response)
    await push.pushTo([gateway.target])
    await tell({ kind: 'token', id: 'ab'.repeat(32) })
    await tell({ kind: 'client', id: 'demo' })
    await until('the other is told', () => gateway.taken.some(({ client }) => client === 'demo'))
    await until('the log says so', () => lines.some((line) => line.includes('refuses a revocation')))
    await until('it is put off', async () => [...(await push.countWaiting()).values()][0] === 1)
    const before = gateway.sent.length
    await tell({ kind: 'client', id: 'other' })
    await until('the next is told', () => gateway.taken.some(({ client }) => client === 'other'))
    t.equal(gateway.sent.length, before + 1)
    isOld = false
    time.aheadMs += 61_000
    await until('it is told at last', () => gateway.taken.some((told) => 'token_hash' in told))
  },
)

t.test('the same thing said often is told once', async (t) => {
  const { push, tell } = await setUp(t)
  const gateway = await startFakeGateway(t)
  gateway.answer = (_told, response) => void response.writeHead(503).end()
  await push.pushTo([gateway.target])
  for (let i = 0; i < 30; i += 1) await tell({ kind: 'client', id: 'demo' }, 'refresh')
  gateway.answer = take
  await until('nothing is left', async () => (await push.countWaiting()).size === 0)
  t.ok(about(gateway.taken).length < 10, `it was told ${about(gateway.taken).length} times`)
})

t.test(
  'when a used refresh token comes back, gateways are told of the access tokens of its family',
  async (t) => {
    const gateway = await startFakeGateway(t)
    const server = await startTestServer(t, { gateways: [gateway.target] })
    const client = await server.create({ grantTypes: ['client_credentials', 'refresh_token'] })
    const first = await obtainTokens(server, client)
    const refresh = () =>
      server.post(
        '/oauth/token',
        { grant_type: 'refresh_token', refresh_token: first.refresh_token },
        basic(client),
      )
    const second = (await (await refresh()).json()) as { access_token: string }
    server.clock.now += 60_000
    t.equal((await refresh()).status, 400)
    await until('both are told', () => about(gateway.taken).length === 2)
    t.same(
      about(gateway.taken)
        .map((told) => told.token_hash)
        .sort(),
      [first.access_token, second.access_token].map(hashCredential).sort(),
    )
  },
)
