import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { readRevokedToken } from '../../../gateway/backends/revocation-endpoint-watch.ts'
import { readAccessToken } from '../../../gateway/backends/token-endpoint-watch.ts'
import { defaultProvider } from '../../../gateway/config/settings.ts'
import { sendRaw } from '../../support/raw-client.ts'
import { startWatchedGateway } from '../../support/watched-gateway.ts'

const json = { 'content-type': 'application/json' }

/** What is announced of a token that its provider was told of on the way through. */
const passed = { effect: 'revoke', providers: [defaultProvider], passedFrom: '127.0.0.1' }

t.test('a token that passes from the token endpoint is looked up before its client has it', async (t) => {
  const { server, post, prefetched } = await startWatchedGateway(t)
  const body = JSON.stringify({ access_token: 'new.token', token_type: 'bearer', expires_in: 3600 })
  server.answer = (_request, response) =>
    response.writeHead(200, { ...json, 'content-length': String(body.length) }).end(body)
  const response = await post('/oauth/token', 'grant_type=client_credentials')
  t.equal(await response.text(), body)
  t.equal(server.requests[0]?.url, '/token', 'the path is the gateway’s own, before the prefix is taken off')
  t.equal(server.requests[0]?.body, 'grant_type=client_credentials')
  t.same(prefetched, ['new.token'])

  // In pieces, and without a length.
  server.answer = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
    for (const piece of ['{"access_', 'token":"other', '-token"}']) {
      response.write(piece)
      await sleep(5)
    }
    response.end()
  }
  t.equal(await (await post('/oauth/token', '')).text(), '{"access_token":"other-token"}')
  t.same(prefetched, ['new.token', 'other-token'])
})

t.test('an answer that issues no token is passed on and nothing is looked up', async (t) => {
  const { server, post, prefetched, url } = await startWatchedGateway(t)
  const token = '{"access_token":"t"}'
  const padding = `{"x":"${'x'.repeat(70_000)}","access_token":"t"}`
  const answers: readonly (readonly [number, Record<string, string>, string | Buffer])[] = [
    [400, json, token],
    [201, json, token],
    [200, { 'content-type': 'text/html' }, token],
    [200, { 'content-type': 'application/json-seq' }, token],
    [200, { ...json, 'content-encoding': 'gzip' }, gzipSync(token)],
    [200, json, padding],
    [200, json, '{"access_token":'],
    [200, json, '[]'],
    [200, json, 'null'],
    [200, json, '"access_token"'],
    [200, json, '{"access_token":7}'],
    [200, json, '{"access_token":"with space"}'],
    [200, json, '{"access_token":""}'],
    [200, json, `{"access_token":"${'a'.repeat(5_000)}"}`],
    [200, json, '{"__proto__":{"access_token":"t"}}'],
    [200, json, ''],
  ]
  for (const [status, headers, body] of answers) {
    server.answer = (_request, response) => response.writeHead(status, headers).end(body)
    const response = await post('/oauth/token', '')
    t.equal(response.status, status)
    const expected = Buffer.isBuffer(body) ? token : body
    t.equal(await response.text(), expected, 'the answer is the backend’s')
  }
  server.answer = (_request, response) => response.writeHead(200, json).end(token)
  await (await fetch(`${url}/oauth/token`)).text()
  for (const path of ['/oauth/token/', '/oauth/token/x', '/oauth/tokens'])
    await (await post(path, '')).text().catch(() => undefined)
  t.same(prefetched, [], 'other methods and paths neither')
})

t.test('an answer that breaks off looks nothing up', async (t) => {
  const { server, post, prefetched } = await startWatchedGateway(t)
  server.answer = (_request, response) => {
    response.writeHead(200, { ...json, 'content-length': '100' }).write('{"access_token":"t"}')
    setImmediate(() => response.destroy())
  }
  await t.rejects(post('/oauth/token', '').then((response) => response.text()))
  t.same(prefetched, [])
})

t.test('a token that is revoked through the gateway is announced before the client is told so', async (t) => {
  const { server, post, recorder } = await startWatchedGateway(t)
  let arrive = () => {}
  recorder.until = new Promise<void>((resolve) => {
    arrive = resolve
  })
  server.answer = (_request, response) => response.writeHead(200, { 'content-length': '2' }).end('{}')
  let isAnswered = false
  const answer = post('/oauth/revoke', 'token=old%2Dtoken&token_type_hint=access_token').then((response) => {
    isAnswered = true
    return response
  })
  while (recorder.announced.length === 0) await sleep(1)
  await sleep(20)
  t.notOk(isAnswered)
  arrive()
  const response = await answer
  t.equal(response.status, 200)
  t.equal(await response.text(), '{}')
  t.same(recorder.announced, [{ ...passed, target: { kind: 'token', token: 'old-token' } }])
  t.equal(server.requests[0]?.body, 'token=old%2Dtoken&token_type_hint=access_token')
})

t.test('an announcement that fails, or never comes to its end, leaves the client its answer', async (t) => {
  const { server, post, recorder } = await startWatchedGateway(t)
  server.answer = (_request, response) => response.writeHead(200).end('x'.repeat(200_000))
  recorder.isDown = true
  const failed = await post('/oauth/revoke', 'token=a')
  t.same([failed.status, (await failed.text()).length], [200, 200_000])
  t.match(recorder.reports, [{ source: 'passed-through', outcome: 'only-here' }])
  recorder.until = new Promise(() => undefined)
  const unending = await post('/oauth/revoke', 'token=a')
  t.same([unending.status, (await unending.text()).length], [200, 200_000])
})

t.test('a backend that closes while its answer is held back loses nothing of it', async (t) => {
  const { server, post, recorder } = await startWatchedGateway(t)
  recorder.until = sleep(50)
  server.answer = (_request, response) => {
    response.writeHead(200, { connection: 'close' }).end('x'.repeat(50_000))
  }
  const response = await post('/oauth/revoke', 'token=a')
  t.same([response.status, (await response.text()).length], [200, 50_000])
})

t.test('a backend that breaks off while its answer is held back is a failure', async (t) => {
  const { server, post, recorder } = await startWatchedGateway(t)
  recorder.until = sleep(50)
  server.answer = (request, response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('half')
    setTimeout(() => request.socket.destroy(), 10)
  }
  const result = await post('/oauth/revoke', 'token=a')
    .then(async (response) => (response.status === 200 ? response.text() : response.status))
    .catch(() => 'cut')
  t.not(result, 'half', 'half an answer never looks whole')
})

t.test('a client that leaves while its answer is held back does no harm', async (t) => {
  const { url, recorder, post } = await startWatchedGateway(t)
  let arrive = () => {}
  recorder.until = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(
    'POST /oauth/revoke HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
      'Content-Length: 7\r\n\r\ntoken=a',
  )
  while (recorder.announced.length === 0) await sleep(1)
  socket.destroy()
  await sleep(20)
  arrive()
  t.equal((await post('/oauth/revoke', 'token=b')).status, 200)
  t.equal(recorder.announced.length, 2)
})

t.test('what the provider refuses is announced to nobody', async (t) => {
  const { server, post, recorder, countUnread, url } = await startWatchedGateway(t)
  for (const status of [400, 401, 503, 204, 302]) {
    server.answer = (_request, response) => response.writeHead(status).end()
    await fetch(`${url}/oauth/revoke`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ token: 'a' }),
    })
  }
  server.answer = (_request, response) => response.writeHead(200).end()
  await post('/oauth/other', 'token=a')
  await fetch(`${url}/oauth/revoke?token=a`)
  t.same(recorder.announced, [])
  t.equal(countUnread(), 0)
})

t.test('a body from which no one token can be read is passed on whole, and counted', async (t) => {
  const { server, post, recorder, countUnread } = await startWatchedGateway(t)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const cases: readonly (readonly [string, Record<string, string>])[] = [
    ['', form],
    ['token', form],
    ['token=', form],
    ['token=a&token=b', form],
    ['token=a&%74oken=b', form],
    ['token=a%20b', form],
    ['tokens=a', form],
    [`x=${'x'.repeat(20_000)}&token=a`, form],
    [`token=a&x=${'x'.repeat(1_000_000)}`, form],
    ['token=a', { 'content-type': 'text/plain' }],
    ['token=a', { ...form, 'content-encoding': 'gzip' }],
    ['{"token":"a"}', json],
  ]
  for (const [body, headers] of cases) {
    const response = await post('/oauth/revoke', body, headers)
    t.equal(response.status, 200)
    t.equal(server.requests.at(-1)?.body.length, body.length)
  }
  t.same(recorder.announced, [])
  t.equal(countUnread(), cases.length)
})

t.test('a body that comes slowly in pieces is read as one', async (t) => {
  const { url, recorder } = await startWatchedGateway(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.setNoDelay(true)
  socket.write(
    'POST /oauth/revoke HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
      'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
  )
  for (const piece of ['tok', 'en=', 'a', 'bc']) {
    await sleep(10)
    socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
  }
  socket.write('0\r\n\r\n')
  while (recorder.announced.length === 0) await sleep(1)
  t.same(recorder.announced, [{ ...passed, target: { kind: 'token', token: 'abc' } }])
  socket.destroy()
})

t.test('a provider that answers before it has the whole request revokes nothing half read', async (t) => {
  const early = createServer((_request, response) => response.end('{}'))
  await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve))
  t.teardown(() => early.close())
  const { port } = early.address() as AddressInfo
  const { url, recorder, countUnread } = await startWatchedGateway(t, `http://127.0.0.1:${port}`)
  const answer = await sendRaw(
    url,
    'POST /oauth/revoke HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
      'Content-Length: 100\r\nConnection: close\r\n\r\ntoken=abc',
    500,
  )
  t.equal(answer.status, 200)
  t.same(recorder.announced, [])
  t.equal(countUnread(), 1)
})

t.test('any bytes are read as a token that can be presented, or as none', (t) => {
  const readsWell = (read: (text: string) => string | undefined) => (text: string) => {
    const token = read(text)
    return token === undefined || /^[A-Za-z0-9._~+/-]+=*$/.test(token)
  }
  const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,50}={0,2}$/)
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), readsWell(readAccessToken)))
  fc.assert(fc.property(fc.oneof(fc.string(), fc.webQueryParameters()), readsWell(readRevokedToken)))
  fc.assert(
    fc.property(token, fc.dictionary(fc.string(), fc.jsonValue()), (access_token, others) => {
      t.equal(readAccessToken(JSON.stringify({ ...others, access_token })), access_token)
      t.equal(
        readRevokedToken(new URLSearchParams({ hint: 'x', token: access_token }).toString()),
        access_token,
      )
    }),
  )
  t.end()
})
