import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readOAuthServerConfig } from '../../oauth-server/config/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const fileName = join(folder, 'oauth-server.yaml')

const secret = 'sixteen-signs-ok'

/** The gateways of a configuration that names these, a URL or a URL with its secret each. */
function read(...gateways: readonly (string | readonly [url: string, secret: string])[]) {
  const options = gateways.map((gateway) => {
    const [url, own] = typeof gateway === 'string' ? [gateway, secret] : gateway
    return { url, secret: own }
  })
  writeFileSync(fileName, JSON.stringify({ gateways: options }))
  return readOAuthServerConfig(fileName, {}).gateways
}

t.test('a gateway is told at /revocations, whether its URL says so or not', (t) => {
  const targets = {
    'https://gateway.example:8090': 'https://gateway.example:8090/revocations',
    'https://gateway.example/': 'https://gateway.example/revocations',
    'https://gateway.example/revocations': 'https://gateway.example/revocations',
    'https://gateway.example/revocations//': 'https://gateway.example/revocations',
    'https://gateway.example/admin/': 'https://gateway.example/admin/revocations',
  }
  for (const [url, target] of Object.entries(targets)) t.strictSame(read(url), [{ url: target, secret }], url)
  t.strictSame(
    read('https://one.example', 'https://two.example').map(({ url }) => url),
    ['https://one.example/revocations', 'https://two.example/revocations'],
  )
  t.end()
})

t.test('the secret goes over plain HTTP to loopback and private addresses and names only', (t) => {
  const near = [
    ...['127.0.0.1', '127.255.0.9', '10.0.0.1', '172.16.0.1', '172.31.255.254', '192.168.1.1', '169.254.1.1'],
    ...['[::1]', '[fc00::1]', '[fd12:3456::1]', '[fe80::1]', '[::ffff:10.0.0.1]'],
    ...['localhost', 'gateway', 'GATEWAY', 'gateway.internal', 'gateway.local', 'gateway.localhost'],
  ]
  const far = [
    ...['8.8.8.8', '126.0.0.1', '128.0.0.1', '11.0.0.1', '172.15.255.255', '172.32.0.1', '192.169.0.1'],
    ...['169.253.0.1', '0.0.0.0', '100.64.0.1', '0x08080808', '134744072'],
    ...['[::2]', '[2001:db8::1]', '[fb00::1]', '[fec0::1]', '[::ffff:8.8.8.8]', '[::]'],
    ...['gateway.example', 'internal.example', 'gatewayinternal.example', 'gateway.internal.example'],
  ]
  for (const host of near) t.equal(read(`http://${host}:8090`).length, 1, host)
  for (const host of far) {
    t.throws(
      () => read(`http://${host}:8090`),
      {
        message:
          /gateways\.0\.url: .*must be https:\/\/, unless it leads to a loopback or private address: the secret goes there/,
      },
      host,
    )
    t.equal(read(`https://${host}:8090`).length, 1, `${host} over TLS`)
  }
  t.end()
})

t.test('a gateway that is named twice is refused, in whatever spelling', (t) => {
  for (const again of [
    'https://gateway.example',
    'https://gateway.example/',
    'https://GATEWAY.example:443/revocations/',
  ])
    t.throws(
      () => read('https://gateway.example', 'https://other.example', again),
      { message: /gateways\.2\.url: .*is named twice/ },
      again,
    )
  t.end()
})

t.test('a secret that fits into no header, or is short, is refused and not repeated', (t) => {
  const wrong: readonly (readonly [secret: string, rule: RegExp])[] = [
    ['s3ntinel with spaces', /must be of printable ASCII characters without spaces/],
    ['s3ntinel\twith-a-tab', /must be of printable ASCII characters without spaces/],
    ['s3ntinel\nand-a-line', /must be of printable ASCII characters without spaces/],
    ['s3ntinel-größer-als', /must be of printable ASCII characters without spaces/],
    ['s3ntinel-too-sh', /16/],
    ['', /16/],
  ]
  for (const [text, rule] of wrong) {
    const message = messageOf(() => read(['https://gateway.example', text]))
    t.match(message, /gateways\.0\.secret/, JSON.stringify(text))
    t.match(message, rule)
    t.notMatch(message, /s3ntinel/)
  }
  t.equal(read(['https://gateway.example', '!sixteen-signs~~']).length, 1)
  t.end()
})

t.test('every fault is told at once', (t) => {
  const message = messageOf(() =>
    read(['http://8.8.8.8', 'has a space in it!'], ['http://8.8.8.8', 'sixteen-signs-ok']),
  )
  t.match(message, /gateways\.0\.url: .*https/)
  t.match(message, /gateways\.0\.secret: .*ASCII/)
  t.match(message, /gateways\.1\.url: .*https/)
  t.match(message, /gateways\.1\.url: .*named twice/)
  t.end()
})

t.test('what is no gateway, and more than 64 of them, is refused', (t) => {
  for (const url of ['ftp://gateway', 'gateway:8090', '', '//gateway'])
    t.throws(() => read(url), { message: /gateways\.0\.url/ }, url)
  const many = Array.from({ length: 64 }, (_, index) => `https://gateway-${index}.example`)
  t.equal(read(...many).length, 64)
  t.throws(() => read(...many, 'https://one-more.example'), { message: /gateways/ })
  t.end()
})

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('it was taken')
}
