import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startRedis } from '../support/redis-servers.ts'
import { setScene } from '../support/scene.ts'
import { needs, redisServer } from '../support/services.ts'
import { until } from '../support/until.ts'

t.test('the admin listener tells health and figures, and is no way to the APIs', async (t) => {
  const { gateway, call } = await setScene(t)
  await call('/api1', { token: 'good' })
  await call('/api1', { token: 'good' })
  await call('/api1')
  const get = (path: string) => fetch(gateway.adminUrl + path)
  t.same(await (await get('/healthz')).json(), { status: 'up' })
  t.same(await (await get('/readyz')).json(), { status: 'ready' })
  const metrics = await (await get('/metrics')).text()
  t.match(metrics, /^passerelle_requests_total\{[^}]*status="200"[^}]*\} 2$/m)
  t.match(metrics, /^passerelle_requests_total\{[^}]*error="token-missing"[^}]*\} 1$/m)
  t.match(metrics, /^passerelle_token_lookups_total\{provider="the default",outcome="valid"\} 1$/m)
  t.match(metrics, /^passerelle_token_lookups_total\{provider="the default",outcome="cached"\} 1$/m)
  t.match(metrics, /^passerelle_cached_tokens 1$/m)
  t.match(metrics, /^passerelle_request_duration_seconds_count\{route="\/api1"\} 3$/m)
  t.equal((await get('/api2')).status, 404)
  t.equal((await call('/metrics')).status, 404, 'and the public listener tells no figures')
})

t.test(
  'the admin listener takes revocations from whoever has the secret, and events of known transmitters',
  async (t) => {
    const closed = await setScene(t)
    const post = (url: string, type: string, body: string) =>
      fetch(url, { method: 'POST', body, headers: { 'content-type': type } })
    const toClosed = await post(`${closed.gateway.adminUrl}/revocations`, 'application/json', '{"all":true}')
    t.equal(toClosed.status, 403)
    const open = await setScene(t, { config: { revocation: { secret: 'a-secret-of-some-length' } } })
    const toOpen = await post(`${open.gateway.adminUrl}/revocations`, 'application/json', '{"all":true}')
    t.equal(toOpen.status, 401)
    const event = await post(`${open.gateway.adminUrl}/events`, 'application/secevent+jwt', 'x')
    t.match(await event.json(), { err: 'invalid_request' })
    const metrics = await (await fetch(`${open.gateway.adminUrl}/metrics`)).text()
    t.match(
      metrics,
      /^passerelle_revocation_refusals_total\{endpoint="revocations",reason="secret-missing"\} 1$/m,
    )
    t.equal(
      (await open.call('/revocations', { method: 'POST' })).status,
      404,
      'and the public listener takes none',
    )
  },
)

t.test('each request leaves one line in the log, with what the gateway itself knows', async (t) => {
  const { gateway, call } = await setScene(t)
  const response = await call('/api1/x?secret=1', { token: 'good' })
  await response.text()
  while (!gateway.logLines.some((line) => line.includes('/api1/x'))) await sleep(5)
  const line = JSON.parse(gateway.logLines.find((each) => each.includes('/api1/x')) ?? '{}')
  t.match(line, { method: 'GET', path: '/api1/x', route: '/api1', client: 'Tracks', status: 200, ms: Number })
  t.equal(line.request_id, response.headers.get('x-request-id'))
})

t.test('told to stop, it finishes what runs, says so to balancers, and ends', async (t) => {
  const backend = await startBackendRecorder()
  t.teardown(() => backend.close())
  let finish = () => {}
  backend.answer = (_request, response) => {
    finish = () => response.end('finished')
  }
  const gateway = await startTestGateway({
    routes: { '/slow': { to: backend.url, auth: 'none' } },
    // So long that the test would not end, were a connection cut only then.
    timeouts: { shutdown: '10m' },
  })
  const agent = new Agent({ keepAlive: true })
  const request = httpRequest(`${gateway.url}/slow`, { agent }).end()
  const kept = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  // Its first request has begun before the stop: an idle connection would be closed at once.
  kept.write('GET /unknown HTTP/1.1\r\nHost: a\r\n')
  while (backend.requests.length === 0) await sleep(5)
  let isClosed = false
  const closed = gateway.close().then(() => {
    isClosed = true
  })
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 503, 'a balancer is told')
  await t.rejects(fetch(gateway.url), 'nobody new gets in')
  t.notOk(isClosed)
  kept.write('\r\n')
  t.match(
    await text(kept),
    /^HTTP\/1\.1 404 [\s\S]*\r\nconnection: close\r\n/i,
    'an open connection is answered, and closed',
  )
  finish()
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  t.same([response.statusCode, body], [200, 'finished'])
  await closed
  agent.destroy()
})

t.test('what does not finish in time is cut: a stop comes to its end', async (t) => {
  const backend = await startBackendRecorder()
  backend.answer = () => undefined
  t.teardown(() => backend.close())
  const gateway = await startTestGateway({
    routes: { '/': { to: backend.url, auth: 'none' } },
    timeouts: { shutdown: '100ms' },
  })
  const cut = t.rejects(fetch(gateway.url))
  while (backend.requests.length === 0) await sleep(5)
  await gateway.close()
  await cut
})

t.test('when one of its addresses cannot be had, nothing stays open', async (t) => {
  const routes = { '/': { to: 'http://127.0.0.1:1', auth: 'none' } }
  const first = await startTestGateway({ routes })
  t.teardown(() => first.close())
  const taken = new URL(first.url).host
  await t.rejects(startTestGateway({ routes, admin: taken }), {
    message: `the admin listener of the gateway cannot listen on ${taken}: the port is taken. Stop what listens there, or choose another port`,
  })
  await t.rejects(startTestGateway({ routes, listen: taken }), { message: /^the gateway cannot listen on/ })
})

t.test(
  'with a shared store it tells its state, and is ready without it',
  await needs(redisServer),
  async (t) => {
    const redis = await startRedis(t)
    const { gateway } = await setScene(t, { config: { store: redis.url } })
    const get = (path: string) => fetch(gateway.adminUrl + path)
    const figure = async (name: string) => {
      const metrics = await (await get('/metrics')).text()
      return new RegExp(`^passerelle_store_${name} (\\d)$`, 'm').exec(metrics)?.[1]
    }
    await until(
      'the store is used',
      async () => (await figure('up')) === '1' && (await figure('listening')) === '1',
    )
    t.match(
      await (await get('/metrics')).text(),
      /^passerelle_store_commands_total\{script="publish",outcome="answered"\} /m,
    )
    await redis.kill()
    await until(
      'the store is away',
      async () => (await figure('up')) === '0' && (await figure('listening')) === '0',
    )
    t.equal((await get('/readyz')).status, 200)
  },
)
