/*
 * The attack: a client that breaks off, stalls or talks out of turn, to end the gateway's process, to hold its connections or
 * those to a backend for ever, or to have an error of the gateway stand in the middle of another answer, where a proxy in
 * front would take it for content, or for the answer to somebody else's request.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startTestGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-client.ts'
import { setScene } from '../support/scene.ts'

/** An open connection, with what came over it. */
function open(t: Test, url: string): { socket: Socket; text: () => string; closed: Promise<unknown> } {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  return { socket, text: () => text, closed: once(socket, 'close') }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5)
}

t.test('a CONNECT that breaks off ends nothing, and one that stays open holds up no stop', async (t) => {
  const { gateway, call } = await setScene(t)
  for (let i = 0; i < 20; i += 1) {
    const { socket, closed } = open(t, gateway.url)
    socket.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', () => socket.resetAndDestroy())
    await closed
  }
  t.equal((await call('/api2')).status, 200, 'it lives on')
  const other = await startTestGateway({ routes: { '/': { to: 'http://127.0.0.1:1', auth: 'none' } } })
  const half = connect({ port: Number(new URL(other.url).port), host: '127.0.0.1', allowHalfOpen: true })
  half.on('error', () => undefined)
  half.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(half, 'data')
  await other.close()
  half.destroy()
})

t.test('an upload that is answered before it is whole does not stop the connection', async (t) => {
  const early = createServer((_request, response) =>
    response.writeHead(413, { 'content-length': 3 }).end('big'),
  )
  early.listen(0, '127.0.0.1')
  await once(early, 'listening')
  t.teardown(() => early.close())
  const { gateway } = await setScene(t, {
    routes: () => ({
      '/early': { to: `http://127.0.0.1:${(early.address() as AddressInfo).port}`, auth: 'none' },
      '/dead': { to: 'http://127.0.0.1:1', auth: 'none' },
    }),
  })
  for (const [path, status] of [
    ['/early', 413],
    ['/dead', 502],
  ] as const) {
    const { socket, text } = open(t, gateway.url)
    const body = Buffer.alloc(20_000_000, 'a')
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
    socket.write('GET /unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until(() => text().includes('route-unknown'))
    t.match(text(), new RegExp(`^HTTP/1.1 ${status} `), `${path}: its own answer first`)
  }
})

t.test('no error of the gateway stands in the middle of an answer, or in the place of one', async (t) => {
  const { gateway, backend } = await setScene(t)
  backend.answer = (request, response) => {
    if (request.url === '/api2/silent') return
    response.writeHead(200, { 'content-length': 1_000 }).write('A'.repeat(100))
  }
  for (const path of ['/api2/begun', '/api2/silent']) {
    backend.requests.length = 0
    const { socket, text, closed } = open(t, gateway.url)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until(() => backend.requests.length > 0 && (path === '/api2/silent' || text().includes('AAA')))
    socket.write('GARBAGE\r\n\r\n')
    await closed
    t.notMatch(text(), / 400 /, `${path}: cut instead`)
  }
  const upload = open(t, gateway.url)
  upload.socket.write('POST /api1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  await until(() => upload.text().includes('token-missing'))
  upload.socket.write('zz\r\n')
  await upload.closed
  t.equal(upload.text().split('HTTP/1.1 ').length - 1, 1, 'an upload that was answered gets no second answer')
})

t.test('a client that asks for much and takes nothing does not hold the backend for ever', async (t) => {
  const { gateway, backend } = await setScene(t, { config: { timeouts: { idle: '200ms' } } })
  const isOver = new Promise<void>((resolve) => {
    backend.answer = (request, response) => {
      request.socket.on('close', () => resolve())
      response.writeHead(200)
      const fill = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', fill)
      }
      fill()
    }
  })
  const { socket } = open(t, gateway.url)
  socket.pause()
  socket.write('GET /api2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await isOver
  t.pass('the backend is free again')
})

t.test('half a request to the admin listener holds up no stop', async (t) => {
  const gateway = await startTestGateway({ routes: { '/': { to: 'http://127.0.0.1:1', auth: 'none' } } })
  const { socket } = open(t, gateway.adminUrl)
  socket.write('GET /heal')
  await sleep(50)
  await gateway.close()
  t.pass('it has ended')
})

t.test('a short timeout for requests holds for their bodies, too', async (t) => {
  const { gateway } = await setScene(t, { config: { timeouts: { request: '1s' } } })
  const { socket, closed } = open(t, gateway.url)
  socket.write('POST /api2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc')
  const trickle = setInterval(() => socket.write('x'), 200)
  // Were it held to the 15 seconds of a head, the 90 bytes still to come would have arrived by then, and no end come.
  await closed
  clearInterval(trickle)
  t.pass('it is cut')
})

t.test('what else a client may expect is not heeded, and HTTP/1.0 is told nothing in between', async (t) => {
  const { gateway, backend } = await setScene(t)
  const odd = await sendRaw(
    gateway.url,
    'POST /api2 HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab',
  )
  t.match(odd.text, /^HTTP\/1\.1 200 /)
  t.equal(backend.requests[0]?.body, 'ab')
  const old = 'POST /api2 HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab'
  t.match((await sendRaw(gateway.url, old)).text, /^HTTP\/1\.1 200 /)
})
