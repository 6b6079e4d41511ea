import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startTestGateway } from '../../support/gateway.ts'
import { sendRaw } from '../../support/raw-client.ts'
import { readProblem, setScene } from '../../support/scene.ts'

/** A backend that answers with bytes as they are given, one script a connection. */
async function startRawBackend(
  t: Test,
  serve: (socket: Socket, requestBytes: string) => void,
): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.once('data', (chunk) => serve(socket, chunk.toString('latin1')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function gatewayBefore(t: Test, to: string, config: Record<string, unknown> = {}) {
  const gateway = await startTestGateway({ routes: { '/': { to, auth: 'none' } }, ...config })
  t.teardown(() => gateway.close())
  return gateway
}

t.test('methods, bodies and statuses pass through as they are', async (t) => {
  const { call, backend } = await setScene(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET']) {
    const body = method === 'GET' ? {} : { body: `body of ${method}` }
    const response = await call('/api2/x', { method, ...body, headers: { 'content-type': 'not/a//type' } })
    t.equal(response.status, 200, method)
    const seen = backend.requests.at(-1)
    t.same([seen?.method, seen?.body], [method, body.body ?? ''])
    t.equal(
      seen?.headers['content-type'],
      'not/a//type',
      'a type that only the backend understands is its own affair',
    )
  }
  for (const status of [201, 204, 304, 404, 418, 503]) {
    backend.answer = (_request, response) => response.writeHead(status, { etag: '"a"' }).end()
    const response = await call('/api2')
    t.same([response.status, response.headers.get('etag'), await response.text()], [status, '"a"', ''])
  }
})

t.test('HEAD gets the head of the answer, with its length', async (t) => {
  const { call, backend } = await setScene(t)
  backend.answer = (_request, response) => response.writeHead(200, { 'content-length': '12345' }).end()
  const response = await call('/api2', { method: 'HEAD' })
  t.same([response.status, response.headers.get('content-length'), await response.text()], [200, '12345', ''])
  t.equal(backend.requests[0]?.method, 'HEAD')
})

t.test('repeated header fields of an answer stay apart and in order', async (t) => {
  const { call, backend } = await setScene(t)
  backend.answer = (_request, response) => {
    response.writeHead(200, [
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Link',
      '<x>',
      'Link',
      '<y>',
      'X-Latin',
      'caf\xe9',
    ])
    response.end()
  }
  const { headers } = await call('/api2')
  t.same(headers.getSetCookie(), ['a=1', 'b=2'])
  t.equal(headers.get('link'), '<x>, <y>')
  t.equal(headers.get('x-latin'), 'caf\xe9')
})

t.test('fields of one connection are forwarded in neither direction', async (t) => {
  const { gateway, backend } = await setScene(t)
  backend.answer = (_request, response) => {
    const fields = [
      'Connection',
      'X-Secret, close',
      'X-Secret',
      'a',
      'Keep-Alive',
      'timeout=99',
      'X-Kept',
      'b',
    ]
    response.writeHead(200, [...fields, 'Proxy-Authenticate', 'Basic', 'Trailer', 'X', 'Upgrade', 'h2c'])
    response.end()
  }
  const perConnection = [
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'Trailer: X',
    'Proxy-Authorization: Basic x',
    'Proxy-Connection: x',
    'Upgrade: h2c',
    'HTTP2-Settings: x',
  ]
  const head = [
    'GET /api2 HTTP/1.1',
    'Host: a',
    'Connection: close, X-Own',
    'X-Own: 1',
    'X-Else: 2',
    ...perConnection,
  ]
  const answer = await sendRaw(gateway.url, `${head.join('\r\n')}\r\n\r\n`)
  t.equal(answer.status, 200)
  const names = backend.requests[0]?.rawHeaders
    .filter((_, index) => index % 2 === 0)
    .map((name) => name.toLowerCase())
  for (const name of [
    'te',
    'trailer',
    'proxy-authorization',
    'proxy-connection',
    'upgrade',
    'http2-settings',
    'keep-alive',
    'x-own',
  ]) {
    t.notOk(names?.includes(name), name)
  }
  t.ok(names?.includes('x-else'))
  t.notMatch(answer.head, /x-secret|timeout=99|proxy-authenticate|trailer|h2c/i)
  t.match(answer.head, /\r\nX-Kept: b\r\n/)
})

t.test(
  'a client that names our own identity header in Connection does not lose it for the backend',
  async (t) => {
    const { gateway, backend } = await setScene(t)
    const head = [
      'GET /api1 HTTP/1.1',
      'Host: a',
      'Authorization: Bearer good',
      'Connection: close, X-Roles, X-Client-Id',
    ]
    await sendRaw(gateway.url, `${head.join('\r\n')}\r\n\r\n`)
    t.match(backend.requests[0]?.headers, { 'x-roles': 'USER', 'x-client-id': 'Tracks' })
  },
)

t.test('a client that waits for 100 Continue gets it, and its body arrives', async (t) => {
  const { gateway, backend } = await setScene(t)
  const request = httpRequest(`${gateway.url}/api2`, { method: 'POST', headers: { expect: '100-continue' } })
  request.flushHeaders()
  await once(request, 'continue')
  request.end('late body')
  const [response] = await once(request, 'response')
  t.equal(response.statusCode, 200)
  response.resume()
  t.equal(backend.requests[0]?.body, 'late body')
})

t.test('a client that asks before it sends its body is not made to send one that is refused', async (t) => {
  const { gateway, backend } = await setScene(t)
  const head = ['POST /api1 HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 1000000']
  const answer = await sendRaw(gateway.url, `${head.join('\r\n')}\r\n\r\n`)
  t.match(answer.text, /^HTTP\/1\.1 401 /, 'no 100 Continue comes before')
  t.match(answer.head, /\r\nConnection: close/)
  t.same(backend.requests, [])
})

t.test('a GET with a body keeps it', async (t) => {
  const { gateway, backend } = await setScene(t)
  const request = httpRequest(`${gateway.url}/api2`, { method: 'GET', headers: { 'content-length': 4 } })
  request.end('body')
  const [response] = await once(request, 'response')
  response.resume()
  t.same([response.statusCode, backend.requests[0]?.body], [200, 'body'])
})

t.test('a slow client slows the backend down instead of filling the gateway', async (t) => {
  let written = 0
  const { gateway, backend } = await setScene(t)
  backend.answer = async (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024)
    response.on('error', () => undefined)
    while (written < 200 * 1024 * 1024 && !response.destroyed) {
      written += chunk.length
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
  }
  const request = httpRequest(`${gateway.url}/api2`)
  request.end()
  const [response] = await once(request, 'response')
  response.pause()
  let before = -1
  while (written !== before) {
    before = written
    await sleep(300)
  }
  t.ok(written < 50 * 1024 * 1024, `the backend was let write ${written} bytes only`)
  response.destroy()
})

t.test('an answer that comes before the request’s body is whole reaches the client', async (t) => {
  const to = await startRawBackend(t, (socket) => {
    socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge')
  })
  const gateway = await gatewayBefore(t, to)
  const request = httpRequest(gateway.url, { method: 'POST' })
  request.on('error', () => undefined)
  request.write('first part')
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  t.same([response.statusCode, body], [413, 'large'])
  request.destroy()
})

t.test('a client that goes away takes its request to the backend with it', async (t) => {
  let isAborted = false
  const { gateway, backend } = await setScene(t)
  const aborted = new Promise<void>((resolve) => {
    backend.answer = (request, response) => {
      response.write('a')
      request.socket.on('close', () => {
        isAborted = true
        resolve()
      })
    }
  })
  const request = httpRequest(`${gateway.url}/api2`)
  request.on('error', () => undefined)
  request.end()
  await once(request, 'response')
  request.destroy()
  await aborted
  t.ok(isAborted)
  const lines = gateway.logLines
  while (!lines.some((line) => line.includes('"aborted":true'))) await sleep(10)
})

t.test('a client that goes away before any answer is not taken for one that was answered', async (t) => {
  const { gateway, backend } = await setScene(t)
  const aborted = new Promise<void>((resolve) => {
    backend.answer = (request) => request.socket.on('close', () => resolve())
  })
  const request = httpRequest(`${gateway.url}/api2/left`)
  request.on('error', () => undefined)
  request.end()
  while (backend.requests.length === 0) await sleep(5)
  request.destroy()
  await aborted
  const line = () => gateway.logLines.find((each) => each.includes('/api2/left'))
  while (line() === undefined) await sleep(5)
  t.match(JSON.parse(line() ?? ''), { status: 499, aborted: true })
})

t.test('a truncated answer never looks complete', async (t) => {
  for (const framing of [
    'Content-Length: 100\r\n\r\nonly this',
    'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n',
  ]) {
    const to = await startRawBackend(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${framing}`)
      setTimeout(() => socket.destroy(), 50)
    })
    const gateway = await gatewayBefore(t, to)
    await t.rejects(async () => (await fetch(gateway.url)).text(), 'the client notices')
  }
})

t.test('a backend that is down is a 502, and says nothing of the inside', async (t) => {
  const { call, gateway, backend } = await setScene(t)
  await backend.close()
  const response = await call('/api1', { token: 'good' })
  const problem = await readProblem(t, response)
  t.same([response.status, problem.code], [502, 'backend-unreachable'])
  t.notMatch(JSON.stringify(problem), /ECONN|127\.0\.0\.1/)
  t.equal(
    response.headers.get('x-rate-limit-remaining'),
    '999',
    'the request was counted, and the client is told',
  )
  t.match(gateway.logLines.join(''), /ECONNREFUSED/, 'the log says why')
})

t.test('what is no HTTP answer is a 502', async (t) => {
  const answers = [
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 999999 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n',
    '',
  ]
  for (const bytes of answers) {
    const to = await startRawBackend(t, (socket) => socket.end(bytes))
    const gateway = await gatewayBefore(t, to)
    const response = await fetch(gateway.url)
    const problem = await readProblem(t, response)
    t.same([response.status, problem.code], [502, 'backend-broken'], JSON.stringify(bytes))
  }
})

t.test('an interim answer is not taken for the answer', async (t) => {
  const to = await startRawBackend(t, (socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
  })
  const gateway = await gatewayBefore(t, to)
  const response = await fetch(gateway.url)
  t.same([response.status, await response.text()], [200, 'ok'])
})

t.test('a backend that does not answer in time is a 504', async (t) => {
  const to = await startRawBackend(t, () => undefined)
  const gateway = await gatewayBefore(t, to, { timeouts: { head: '200ms' } })
  const response = await fetch(gateway.url)
  const problem = await readProblem(t, response)
  t.same([response.status, problem.code], [504, 'backend-timeout'])
})

t.test('a backend that stops in the middle of its answer is cut off after the idle time', async (t) => {
  const to = await startRawBackend(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'),
  )
  const gateway = await gatewayBefore(t, to, { timeouts: { idle: '200ms' } })
  await t.rejects(async () => (await fetch(gateway.url)).text())
})

t.test(
  'a failed request is sent to the backend once: nothing that may change something is repeated behind the client’s back',
  async (t) => {
    const { call, backend } = await setScene(t)
    backend.answer = (_request, response) => response.writeHead(503, { 'retry-after': '1' }).end('busy')
    t.equal((await call('/api2')).status, 503)
    t.equal(backend.requests.length, 1, 'an answer is an answer')
    backend.answer = (request) => request.socket.destroy()
    t.equal((await call('/api2', { method: 'POST' })).status, 502)
    t.equal(backend.requests.length, 2)
    t.equal((await call('/api2')).status, 502)
    t.equal(backend.requests.length, 3, 'nor on a connection that is new')
  },
)

t.test('a backend’s own X-Rate-Limit fields give way to the gateway’s, where it counts', async (t) => {
  const { call, backend } = await setScene(t)
  backend.answer = (_request, response) => response.writeHead(200, { 'X-RATE-LIMIT-LIMIT': '7' }).end()
  t.equal((await call('/api1', { token: 'good' })).headers.get('x-rate-limit-limit'), '1000')
  t.equal(
    (await call('/api2')).headers.get('x-rate-limit-limit'),
    '7',
    'on an open route they are the backend’s',
  )
})

t.test('an answer has one request id, the gateway’s, whatever the backend says', async (t) => {
  const { call, backend } = await setScene(t)
  backend.answer = (_request, response) => response.writeHead(200, { 'X-Request-ID': 'of the backend' }).end()
  const answer = await call('/api2')
  t.equal(answer.headers.get('x-request-id'), backend.requests[0]?.headers['x-request-id'])
})

t.test('many chunks at once for a client that takes nothing are waited for as one', async (t) => {
  const { gateway, backend } = await setScene(t)
  const warnings: string[] = []
  const hear = ({ name }: Error) => void warnings.push(name)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const body = 'x'.repeat(100)
  backend.answer = (_request, response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    response.socket?.write(`64\r\n${body}\r\n`.repeat(100_000))
    response.socket?.write('0\r\n\r\n')
  }
  const answer = await fetch(`${gateway.url}/api2`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal((await answer.text()).length, 100 * 100_000)
  t.same(warnings, [])
})
