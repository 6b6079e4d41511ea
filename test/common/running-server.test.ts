import fastify from 'fastify'
import t from 'tap'
import { startListening } from '../../common/running-server.ts'

const anyPort = { host: '127.0.0.1', port: 0 }

t.test('a server tells where it listens, with the port that the system gave', async (t) => {
  const app = fastify()
  app.get('/', async () => 'here')
  const server = await startListening(app, anyPort, 'the server')
  t.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.equal(await (await fetch(server.url)).text(), 'here')
  await server.close()
  await t.rejects(fetch(server.url), 'closed, it no longer answers')
})

t.test('a taken port is told in one line, and nothing is left open', async (t) => {
  const first = await startListening(fastify(), anyPort, 'the first')
  const port = Number(new URL(first.url).port)
  const second = fastify()
  let isReleased = false
  second.addHook('onClose', async () => {
    isReleased = true
  })
  await t.rejects(startListening(second, { host: '127.0.0.1', port }, 'the second'), {
    name: 'ListenError',
    message: `the second cannot listen on 127.0.0.1:${port}: the port is taken. Stop what listens there, or choose another port`,
  })
  t.ok(isReleased, 'what the second server held is released')
  t.notOk(second.server.listening)
  await first.close()
})

t.test('an address that this machine lacks is told in one line, with an IPv6 host in brackets', async (t) => {
  await t.rejects(startListening(fastify(), { host: '2001:db8::1', port: 0 }, 'the server'), {
    name: 'ListenError',
    message: /^the server cannot listen on \[2001:db8::1\]:0: [^\n]+$/,
  })
})

t.test('a failure that no advice is known for is passed on as it is', async (t) => {
  await t.rejects(startListening(fastify(), { host: '127.0.0.1', port: 70_000 }, 'the server'), {
    code: 'ERR_SOCKET_BAD_PORT',
  })
})
