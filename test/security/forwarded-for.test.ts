/*
 * The attack: a client writes `X-Forwarded-For` itself, with a new address on each request, to get past a limit that counts
 * by address, to spend another's, or to appear in logs and backends as somebody else. Behind a balancer, which appends the
 * address that it sees, the forged part stands before the true one.
 * Known cases: fastify CVE-2026-3635 (what a proxy says is believed of anybody), Envoy and Istio setups that count hops
 * wrongly, GitHub's rate limits by the leftmost address.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sendRaw } from '../support/raw-client.ts'
import { type Scene, setScene } from '../support/scene.ts'

const limited = (to: string) => ({ '/open': { to, auth: 'none', limit: '3/1h' } })

const callWith = async ({ gateway }: Scene, ...fields: string[]) => {
  const lines = ['GET /open HTTP/1.1', 'Host: a', 'Connection: close', ...fields]
  return (await sendRaw(gateway.url, `${lines.join('\r\n')}\r\n\r\n`)).status
}

t.test('where no proxy is trusted, forged addresses change nothing', async (t) => {
  const scene = await setScene(t, { routes: limited })
  const statuses = []
  for (let i = 0; i < 5; i += 1)
    statuses.push(
      await callWith(
        scene,
        `X-Forwarded-For: 203.0.113.${i}`,
        `X_Forwarded_For: 1.1.1.${i}`,
        `X-Real-IP: 2.2.2.${i}`,
      ),
    )
  t.same(statuses, [200, 200, 200, 429, 429])
  for (const { headers, rawHeaders } of scene.backend.requests) {
    t.equal(headers['x-forwarded-for'], '127.0.0.1')
    t.notMatch(rawHeaders.join(), /203\.0|1\.1\.1|2\.2\.2/)
  }
})

t.test('behind a trusted proxy, only what it appended counts', async (t) => {
  const scene = await setScene(t, { routes: limited, config: { trustedProxies: ['127.0.0.0/8'] } })
  const statuses = []
  for (let i = 0; i < 4; i += 1)
    statuses.push(await callWith(scene, `X-Forwarded-For: 203.0.113.${i}`, 'X-Forwarded-For: 198.51.100.7'))
  t.same(statuses, [200, 200, 200, 429], 'the forged part is not looked at, in the same field or another')
  t.equal(await callWith(scene, 'X-Forwarded-For: 198.51.100.7, 198.51.100.8'), 200, 'another has its own')
  t.same(
    scene.backend.requests.map(({ headers }) => headers['x-forwarded-for']),
    ['198.51.100.7', '198.51.100.7', '198.51.100.7', '198.51.100.8'],
    'and the backend learns one address, not what was forged',
  )
  while (scene.gateway.logLines.filter((line) => line.includes('"address"')).length < 5) await sleep(5)
  t.notMatch(scene.gateway.logLines.join(), /203\.0\.113/)
  t.match(scene.gateway.logLines.join(), /"address":"198\.51\.100\.7"/)
})

t.test('a household with 2^64 addresses has one quota', async (t) => {
  const scene = await setScene(t, { routes: limited, config: { trustedProxies: ['127.0.0.1'] } })
  const statuses = []
  for (let i = 1; i < 6; i += 1) statuses.push(await callWith(scene, `X-Forwarded-For: 2001:db8:0:1::${i}`))
  t.same(statuses, [200, 200, 200, 429, 429])
  t.equal(await callWith(scene, 'X-Forwarded-For: 2001:db8:0:2::1'), 200)
})

t.test('a list without end costs no more than a short one, and is nobody’s', async (t) => {
  const scene = await setScene(t, {
    routes: limited,
    config: { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
  })
  for (const field of ['10.0.0.1,'.repeat(1_500), `${'10.0.0.1, '.repeat(1_000)}10.0.0.1`, ','.repeat(9_000)])
    await callWith(scene, `X-Forwarded-For: ${field}`)
  t.same(
    scene.backend.requests.map(({ headers }) => headers['x-forwarded-for']),
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
  )
})

const schemesWith = async (scene: Scene, ...fields: string[]) => {
  await callWith(scene, ...fields)
  return scene.backend.requests.at(-1)?.headers['x-forwarded-proto']
}

const unlimited = (to: string) => ({ '/open': { to, auth: 'none' } })

t.test('no client comes by TLS because it says so, only because a trusted proxy does', async (t) => {
  const trusting = await setScene(t, { routes: unlimited, config: { trustedProxies: ['127.0.0.1'] } })
  t.equal(await schemesWith(trusting), 'http')
  t.equal(await schemesWith(trusting, 'X-Forwarded-Proto: https'), 'https')
  t.equal(await schemesWith(trusting, 'X-Forwarded-Proto: http'), 'http')
  t.equal(
    await schemesWith(trusting, 'x-forwarded-PROTO: \t HTTPS '),
    'https',
    'in one spelling (RFC 3986 §3.1)',
  )
  const connection = ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: https']
  t.equal(await schemesWith(trusting, ...connection), 'https')
  for (const config of [{}, { trustedProxies: ['127.0.0.2', '10.0.0.0/8'] }]) {
    const scene = await setScene(t, { routes: unlimited, config })
    for (const address of ['198.51.100.7', '127.0.0.2', '10.0.0.1']) {
      const forged = [`X-Forwarded-For: ${address}`, 'X-Forwarded-Proto: https', 'X_Forwarded_Proto: https']
      t.equal(await schemesWith(scene, ...forged, 'Forwarded: proto=https'), 'http')
    }
    t.notMatch(scene.backend.requests.map(({ rawHeaders }) => rawHeaders.join()).join(), /https/)
  }
})

t.test('a scheme that is none, or one of several, is not passed on by a trusted proxy either', async (t) => {
  const scene = await setScene(t, { routes: unlimited, config: { trustedProxies: ['127.0.0.1'] } })
  const odd = [
    '',
    'https,http',
    'https, https',
    'http,https',
    ',https',
    'https,',
    'https;',
    '"https"',
    'wss',
    'ftp',
  ]
  for (const value of [...odd, 'https://', 'http s', 'httpſ', 'https%00', 'x'.repeat(5_000)])
    t.equal(await schemesWith(scene, `X-Forwarded-Proto: ${value}`), 'http', value.slice(0, 20))
  const repeated = ['X-Forwarded-Proto: https', 'X-Forwarded-Proto: https']
  t.equal(await schemesWith(scene, ...repeated), 'http', 'a client’s own beside the proxy’s')
  t.equal(await schemesWith(scene, 'X_Forwarded_Proto: https'), 'http')
  t.notMatch(scene.backend.requests.map(({ rawHeaders }) => rawHeaders.join()).join(), /https|ftp|wss|xxx/)
})
