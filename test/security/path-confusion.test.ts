/*
 * The attack: a path that the gateway reads one way and the backend another (`/open/../admin`, `/open/%2e%2e/admin`,
 * `/open\..\admin`, `//admin`, `/open;/admin`): the rules of the one route are checked, and the other is served.
 * Known cases: Oathkeeper GHSA-p224-6x5r-fjpm, Traefik GHSA-6jwx-7vp4-9847, Envoy CVE-2021-29492, reply-from CVE-2021-21321.
 */
import fc from 'fast-check'
import t from 'tap'
import { sendRaw } from '../support/raw-client.ts'
import { setScene } from '../support/scene.ts'

const twoDoors = (to: string) => ({ '/open': { to, auth: 'none' }, '/admin': { to, roles: ['ADMIN'] } })

const detours = [
  '/open/../admin',
  '/open/./../admin',
  '/open/%2e%2e/admin',
  '/open/%2E%2e/admin',
  '/open/.%2e/admin',
  '/open/..%2fadmin',
  '/open/%2e%2e%2fadmin',
  '/open%2f..%2fadmin',
  '/open\\..\\admin',
  '/open/..\\admin',
  '/open/%5c..%5cadmin',
  '/open//../admin',
  '//admin',
  '/open//admin',
  '/open/..;/admin',
  '/open;/../admin',
  '/open/%252e%252e/admin',
  '/%61dmin',
  '/adm%49n',
  '/open/%7euser',
  '/open/a%2Db',
  '/open/%00/../admin',
  '/open/..%00/admin',
  '/open/%0d%0aX-Roles:%20ADMIN',
  '/open/%',
  '/open/%zz',
  '/open/%c0%ae%c0%ae/..',
  '/open/..',
  '/open/.',
  '/open/\u00e9',
  'open',
  '*',
  'http://127.0.0.1/open',
  '/open?a#/../admin',
]

t.test('no way of writing it leads from the open route to the guarded one', async (t) => {
  const { gateway, backend } = await setScene(t, { routes: twoDoors })
  for (const path of detours) {
    const answer = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    t.equal(answer.status, 400, path)
    t.notMatch(answer.body, /admin/, 'and is not echoed')
  }
  t.equal(backend.requests.length, 0)
})

t.test('no encoding of a guarded path is taken for a path of the open route around it', async (t) => {
  const around = (to: string) => ({ '/': { to, auth: 'none' }, '/admin': { to, roles: ['ADMIN'] } })
  const { gateway, backend } = await setScene(t, { routes: around })
  const encoded = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`
  const letters = fc.tuple(
    ...[...'admin'].map((letter) => fc.constantFrom(letter, encoded(letter), encoded(letter).toUpperCase())),
  )
  const property = fc.asyncProperty(letters, async (spelt) => {
    await sendRaw(gateway.url, `GET /${spelt.join('')} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    return backend.requests.length === 0
  })
  await fc.assert(property, { numRuns: 100 })
  t.pass()
})

const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    'open',
    'admin',
    '%2f',
    '%2e',
    '%5c',
    '\\',
    ';',
    '%00',
    'a',
    '%41',
    '?',
    '#',
    '&',
    '%',
  ],
  ...['%25', '~', ':', '@', '%C3%A9'],
)

t.test('the path that was checked is the path that the backend gets, whatever is sent', async (t) => {
  const { gateway, backend } = await setScene(t, { routes: twoDoors })
  let forwarded = 0
  const property = fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
    backend.requests.length = 0
    const target = `/open${pieces.join('')}`
    await sendRaw(gateway.url, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    const [seen] = backend.requests
    if (seen === undefined) return true
    forwarded += 1
    // What reached the backend is byte for byte what was sent, and after every decoding still below the open route.
    const decoded = decodeURIComponent(new URL(seen.url, 'http://backend').pathname)
    return seen.url === target && (decoded === '/open' || decoded.startsWith('/open/'))
  })
  await fc.assert(property, { numRuns: 400 })
  t.ok(forwarded > 10, `${forwarded} of them were forwarded`)
})
