import { connect } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { DatabaseError, startOpenApi as startOpen } from '../../sample-backends/main.ts'
import { documentFaults } from './support/json-api-document.ts'
import { ask, noon, startOpenApi, startPrograms } from './support/sample-servers.ts'

t.test('each server says that it is well, without roles', async (t) => {
  for (const server of [await startPrograms(t), await startOpenApi(t)]) {
    const { status, text, headers } = await ask(server, '/healthz')
    t.equal(status, 200)
    t.same(JSON.parse(text), { status: 'ok' })
    t.equal(headers['cache-control'], 'no-store')
  }
})

t.test('nothing can be written: every method but GET and HEAD is answered with 405 and Allow', async (t) => {
  const server = await startPrograms(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY']) {
    const { status, headers, text } = await ask(server, '/api1/programs', { method, 'X-Roles': 'EDITOR' })
    t.equal(status, 405, method)
    t.equal(headers.allow, 'GET, HEAD', method)
    t.same(documentFaults(text), [], method)
  }
})

t.test('HEAD answers what GET would, without the content', async (t) => {
  const server = await startOpenApi(t)
  const got = await ask(server, '/api2/channels')
  const head = await ask(server, '/api2/channels', { method: 'HEAD' })
  t.equal(head.text, '')
  for (const name of ['content-length', 'content-type', 'vary', 'cache-control'])
    t.equal(head.headers[name], got.headers[name], name)
})

t.test('an unknown path is answered without repeating it', async (t) => {
  const server = await startPrograms(t)
  for (const path of [
    '/marker',
    '/api1/marker',
    '/api1/programs/marker',
    '/%zzmarker',
    `/api1/programs/${'marker'.repeat(99)}`,
  ]) {
    const { status, text } = await ask(server, path, { 'X-Roles': 'USER' })
    t.ok(status === 404 || status === 400, path)
    t.notMatch(text, 'marker')
    t.same(documentFaults(text), [])
  }
})

t.test('the open API has channels and zones, and chooses their fields', async (t) => {
  const server = await startOpenApi(t)
  for (const target of ['/api2', '/api2/channels', '/api2/channels/cinema'])
    t.same(documentFaults((await ask(server, target)).text), [], target)
  const sparse = await ask(server, '/api2/channels?fields[channels]=kind')
  const kinds = JSON.parse(sparse.text).data.map(({ attributes }: { attributes: object }) => attributes)
  t.ok(kinds.length > 4)
  t.same(
    new Set(kinds.map((kind: object) => JSON.stringify(kind))),
    new Set(['{"kind":"channel"}', '{"kind":"zone"}']),
  )
  t.equal((await ask(server, '/api2/channels?page[size]=1')).status, 400)
})

t.test('the log names the route and the request id, and never the URL', async (t) => {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => lines.push(line) })
  const server = await startOpen({ listen: { host: '127.0.0.1', port: 0 } }, log)
  await ask(server, '/api2/channels/marker?access_token=marker', { 'X-Request-Id': 'trace-7' })
  await ask(server, '/marker?access_token=marker')
  await ask(server, '/%zzmarker?access_token=marker')
  await server.close()
  t.notMatch(lines.join(''), 'marker')
  t.match(JSON.parse(lines.find((line) => line.includes('trace-7')) ?? '{}'), {
    requestId: 'trace-7',
    route: '/api2/channels/:id',
    status: 400,
  })
})

t.test('a fault of the server’s own is logged, and its 500 tells nothing of it', async (t) => {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => lines.push(line) })
  let isBroken = false
  const now = () => {
    if (isBroken) throw new Error('marker')
    return noon
  }
  const server = await startPrograms(t, { now }, log)
  isBroken = true
  const { status, text, headers } = await ask(server, '/api1/programs', { 'X-Roles': 'USER' })
  t.equal(status, 500)
  t.equal(headers['cache-control'], 'no-store')
  t.same(documentFaults(text), [])
  t.notMatch(text, 'marker')
  t.match(lines.join(''), 'marker')
})

t.test('an idle connection outlasts the 60 seconds that a proxy commonly keeps one', async (t) => {
  const server = await startOpenApi(t)
  const { headers } = await ask(server, '/api2', { Connection: 'keep-alive' })
  const seconds = Number(/timeout=(\d+)/.exec(String(headers['keep-alive']))?.[1])
  t.ok(seconds > 60, `${seconds} seconds`)
})

t.test('close ends idle connections', async (t) => {
  const server = await startOpenApi(t)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write('GET /healthz HTTP/1.1\r\nHost: sample\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  const ended = new Promise((resolve) => socket.once('close', resolve))
  await server.close()
  await t.resolves(ended)
})

t.test('an address or a database that cannot be had is told in one line', async (t) => {
  const running = await startOpenApi(t)
  const listen = { host: '127.0.0.1', port: Number(new URL(running.url).port) }
  await t.rejects(startPrograms(t, { listen }), {
    name: 'ListenError',
    message: /^[^\n]+the port is taken[^\n]+$/,
  })
  for (const database of ['/nowhere/programs.sqlite', new URL(import.meta.url).pathname]) {
    const failure = await startPrograms(t, { database }).catch((error: unknown) => error)
    t.ok(failure instanceof DatabaseError && /^[^\n]+$/.test(failure.message), database)
  }
})
