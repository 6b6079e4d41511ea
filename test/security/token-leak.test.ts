/*
 * The attack: to wait where tokens leak to. A token in a URL turns up in access logs, in error bodies that echo the URL, in
 * metrics labels, in what is forwarded; a secret turns up in the text of an exception. One sentinel goes through every
 * sink and every status, and none may hold it.
 * Known cases: fastify#4980 (the token in the log and in the 404 body), and every reverse proxy's access log.
 */
import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sendJson } from '../support/identity-stub.ts'
import { sendRaw } from '../support/raw-client.ts'
import { setScene } from '../support/scene.ts'

const sentinel = 'SENTINEL0token0SENTINEL'
const secret = 'SENTINEL0secret0SENTINEL'
const query = `access_token=${sentinel}&a=b`

const everyStatus = [200, 400, 401, 403, 404, 405, 429, 502, 503, 504]

t.test('no token and no secret shows in a log line, an error, a metric or a backend’s request', async (t) => {
  const scene = await setScene(t, {
    identity: (stub) => ({ verify: { url: stub.verifyUrl, clientId: 'gateway', clientSecret: secret } }),
    config: { timeouts: { head: '300ms', identity: '300ms' }, tokenCache: { negativeTtl: '0s' } },
    routes: (to) => ({
      '/api1': { to, roles: ['USER'], queryToken: true },
      '/editors': { to, roles: ['EDITOR'], queryToken: true },
      '/header-only': { to },
      '/open': { to, auth: 'none' },
      '/down': { to: 'http://127.0.0.1:1', queryToken: true },
    }),
  })
  const { gateway, backend, identity } = scene
  const answers: string[] = []
  const statuses = new Set<number>()
  const call = async (path: string, token?: string) => {
    const response = await scene.call(path, token === undefined ? {} : { token }).catch(() => undefined)
    if (response === undefined) return
    statuses.add(response.status)
    answers.push(JSON.stringify([...response.headers]), await response.text().catch(() => ''))
  }

  // Unknown, then known, and every way to be refused.
  await call(`/api1?${query}`)
  await call('/api1', sentinel)
  identity.tokens.set(sentinel, { client: 'Partner', roles: 'USER', rateLimit: 7 })
  for (const path of ['/api1/x', '/editors', '/down', '/header-only', '/nowhere', '/open'])
    await call(`${path}?${query}`)
  await call('/api1', sentinel)
  await call('/open', sentinel)
  await call(`/api1?${query}`, sentinel)
  await call(`/api1?${query}&access_token=x`)
  await call(`/api1?%61%63cess_token=${sentinel}`)
  await call(`/open?%61%63cess_token=${sentinel}`)
  await scene.call('/open', { headers: { referer: `${gateway.url}/api1?${query}` } })
  await scene.call('/open', { headers: { referer: `http://p/?%61ccess%5Ftoken=${sentinel}` } })
  await call(`/api1/a;b?${query}`)
  await call(`/api1?access_token=${sentinel}%0d%0a`)

  // The backend hangs, cuts, breaks off; the client goes; the quota ends.
  backend.answer = () => undefined
  await call(`/api1?${query}`)
  backend.answer = (request) => request.socket.destroy()
  await call(`/api1?${query}`)
  backend.answer = (_request, response) => response.writeHead(200, { 'content-length': '10' }).write('half')
  const left = httpRequest(`${gateway.url}/api1?${query}`, (response) => response.destroy())
  left.on('error', () => undefined)
  await new Promise<void>((resolve) => left.on('close', () => resolve()).end())
  for (let i = 0; i < 6; i += 1) await call(`/api1?${query}`)

  // The identity provider fails, and quotes the token while it does.
  identity.misbehave = (_request, response) => response.writeHead(500).end(`no such token: ${sentinel}2`)
  await call(`/api1?access_token=${sentinel}2`)
  identity.misbehave = () => undefined
  await call(`/api1?access_token=${sentinel}3`)
  identity.misbehave = (_request, response) => response.writeHead(200).end(`<html>${sentinel}</html>`)
  await call(`/api1?access_token=${sentinel}4`)

  // What is no proper request.
  for (const bytes of [
    `GET /api1?${query} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
    `GET /api1?${query}#x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    `GET http://x/api1?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    `GET /api1?${query} HTTP/1.1\r\nHost : a\r\n\r\n`,
    `PURGE /api1?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    `GET /api1/%zz?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  ]) {
    const answer = await sendRaw(gateway.url, bytes, 2_000)
    statuses.add(answer.status)
    answers.push(answer.head, answer.body)
  }
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()

  t.same(
    everyStatus.filter((status) => !statuses.has(status)),
    [],
    'every status was seen',
  )
  const sinks = {
    'the log': gateway.logLines.join(''),
    'the answers': answers.join('\n'),
    'the metrics': metrics,
    'the backend': JSON.stringify(backend.requests),
  }
  for (const [name, text] of Object.entries(sinks)) {
    t.ok(text.length > 100, `${name} holds something`)
    t.notMatch(text, /SENTINEL/, `${name} holds no token and no secret`)
  }
  t.ok(
    JSON.stringify(identity.recorder.requests).includes(sentinel),
    'only the identity provider is told the token',
  )
})

t.test('a token that is issued or revoked on the way through shows nowhere', async (t) => {
  const { gateway, backend, identity, call } = await setScene(t, {
    identity: (stub) => ({
      verify: stub.verifyUrl,
      tokenEndpoint: '/oauth/token',
      revocationEndpoint: '/oauth/revoke',
    }),
    routes: (to) => ({ '/api1': { to }, '/oauth': { to, auth: 'none', passAuthorization: true } }),
  })
  identity.tokens.set(sentinel, { client: 'Partner' })
  backend.answer = (_request, response) =>
    sendJson(response, 200, { access_token: sentinel, refresh_token: `${sentinel}r` })
  const authorization = `Basic ${Buffer.from(`id:${secret}`).toString('base64')}`
  const post = async (path: string, fields: Record<string, string>) =>
    (
      await call(path, { method: 'POST', headers: { authorization }, body: new URLSearchParams(fields) })
    ).text()
  await post('/oauth/token', { client_secret: secret })
  while (identity.recorder.requests.length === 0) await sleep(5)
  t.equal((await call('/api1', { token: sentinel })).status, 200)
  t.equal(identity.recorder.requests.length, 1, 'its first call asked nobody')
  identity.misbehave = (_request, response) => response.writeHead(500).end(sentinel)
  backend.answer = (_request, response) => sendJson(response, 200, { access_token: `${sentinel}2` })
  await post('/oauth/token', {})
  while (!gateway.logLines.some((line) => line.includes('gave no answer'))) await sleep(5)
  await post('/oauth/revoke', { token: sentinel, client_secret: secret })
  await post('/oauth/revoke', { token: `${sentinel} x` })
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  t.match(metrics, /^passerelle_revocations_total\{source="passed-through",[^}]*\} 1$/m)
  t.match(metrics, /^passerelle_revocations_unread_total 1$/m)
  const lines = gateway.logLines.join('')
  t.match(lines, /could not be read/)
  for (const text of [metrics, lines]) {
    t.notMatch(text, /SENTINEL/)
    t.notMatch(text, authorization)
  }
})
