import t from 'tap'
import { basic, startTestServer } from '../support/oauth-server.ts'
import { sendRaw } from '../support/raw-client.ts'

const form = 'application/x-www-form-urlencoded'
const grant = 'grant_type=client_credentials'

t.test('a body that is no form is an invalid request, never a failure', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ scopes: ['user', 'introspect'] })
  const bodies: readonly (readonly [
    title: string,
    body: string | Buffer | undefined,
    type: string,
    status: number,
  ])[] = [
    ['JSON', '{"grant_type":"client_credentials"}', 'application/json', 400],
    ['text', grant, 'text/plain', 400],
    ['multipart', grant, 'multipart/form-data; boundary=x', 400],
    ['a broken type', grant, '///', 400],
    ['a type that only begins so', grant, `${form}x`, 400],
    ['no body', undefined, form, 400],
    ['a repeated parameter', `${grant}&scope=user&scope=user`, form, 400],
    ['a repeated grant type', `${grant}&${grant}`, form, 400],
    ['a repeated unknown parameter', `${grant}&x=1&x=2`, form, 400],
    ['a structured parameter', 'grant_type[]=client_credentials', form, 400],
    ['NUL', `${grant}&scope=%00`, form, 400],
    ['raw NUL', Buffer.from(`${grant}&scope=\0`), form, 400],
    ['invalid UTF-8', `${grant}&scope=%ff%fe`, form, 400],
    ['raw invalid UTF-8', Buffer.from([0x61, 0x3d, 0xff, 0xfe]), form, 400],
    ['a lone surrogate', `${grant}&scope=%ED%A0%80`, form, 400],
    ['bad percents', `${grant}&scope=%zz`, form, 400],
    ['8 KiB and a byte', 'a'.repeat(8_193), form, 413],
  ]
  for (const [title, body, type, status] of bodies) {
    const headers = { ...basic(client), 'content-type': type }
    for (const path of ['/oauth/token', '/oauth/introspect']) {
      const response = await fetch(server.url + path, { method: 'POST', headers, ...(body && { body }) })
      t.equal(response.status, status, `${title} to ${path}`)
      t.match(await response.json(), { error: 'invalid_request' }, `${title} to ${path}`)
    }
  }
  t.notMatch(server.logLines.join(''), /request failed/)
})

t.test('what is well-formed but unknown is ignored', async (t) => {
  const server = await startTestServer(t)
  const headers = { ...basic(await server.create()), 'content-type': `${form}; charset=UTF-8` }
  const body = `${grant}&request=https%3A%2F%2Fexample.org&__proto__=x&scope=`
  const response = await fetch(`${server.url}/oauth/token`, { method: 'POST', headers, body })
  t.equal(response.status, 200)
})

t.test('two Authorization headers are refused, although Node would keep the first', async (t) => {
  const server = await startTestServer(t)
  const { authorization } = basic(await server.create())
  const request = [
    'POST /oauth/token HTTP/1.1',
    'Host: x',
    'Connection: close',
    `Authorization: ${authorization}`,
    `Authorization: ${authorization}`,
    `Content-Type: ${form}`,
    `Content-Length: ${grant.length}`,
  ]
  const { text: answer } = await sendRaw(server.url, `${request.join('\r\n')}\r\n\r\n${grant}`)
  t.match(answer, /^HTTP\/1\.1 400 /)
  t.match(answer, /"error":"invalid_request"/)
})

t.test('unknown places and broken URLs are refused without an echo', async (t) => {
  const server = await startTestServer(t)
  for (const path of [
    '/sentinel',
    '/oauth/token/sentinel',
    '/oauth/verifToken/?sentinel=1',
    '/SENTINEL%00',
    '/constructor',
  ]) {
    const response = await fetch(server.url + path)
    t.equal(response.status, 404, path)
    const body = await response.text()
    t.equal(JSON.parse(body).error, 'not_found', path)
    t.notMatch(body, /sentinel/i, path)
  }
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
  t.equal((await fetch(`${server.url}/nowhere`, json)).status, 404, 'whatever is posted there')
  for (const path of ['/%', '/%zz/sentinel', '/oauth/token%', '/%ff?sentinel']) {
    const { text: answer } = await sendRaw(
      server.url,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    t.match(answer, /^HTTP\/1\.1 400 /, path)
    t.match(answer, /"error":"invalid_request"/, path)
    t.match(answer, /^cache-control: no-store\r$/m, path)
    t.notMatch(answer, /sentinel/, path)
  }
  t.notMatch(server.logLines.join(''), /sentinel/i)
})

t.test('what is not HTTP is refused without an echo', async (t) => {
  const server = await startTestServer(t)
  const { text: garbage } = await sendRaw(server.url, 'SENTINEL\r\n\r\n')
  t.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(garbage, /"error":"invalid_request"/)
  t.notMatch(garbage, /sentinel/i)
  const { text: headers } = await sendRaw(
    server.url,
    `GET / HTTP/1.1\r\nHost: x\r\nSentinel: ${'x'.repeat(17_000)}\r\n\r\n`,
  )
  t.match(headers, /^HTTP\/1\.1 431 /)
  t.notMatch(headers, /sentinel/i)
  const smuggling =
    'POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  t.match((await sendRaw(server.url, smuggling)).text, /^HTTP\/1\.1 400 /)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200, 'and the server lives on')
})
