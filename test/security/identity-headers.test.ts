/*
 * The attack: a client sends the headers by which backends learn who calls, spelt so that the gateway does not recognise
 * them but the backend does. CGI, WSGI and PHP fold hyphens and underscores (and case) into one variable: `X_Roles: ADMIN`
 * next to the gateway's `X-Roles: USER` arrives as HTTP_X_ROLES twice, and the wrong one may win. Further ways in: the same
 * header twice, through Connection, as trailers, on open routes, pushed past the header count.
 * Known cases: oauth2-proxy CVE-2025-64484, Traefik GHSA-5m6w-wvh7-57vm, APISIX CVE-2026-44087.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { freePort, untilAnswering } from '../support/ports.ts'
import { sendRaw } from '../support/raw-client.ts'
import { setScene } from '../support/scene.ts'
import { gunicorn, needs } from '../support/services.ts'

const names = [
  'X-Roles',
  'X-ARTE-Roles',
  'X-Client-Id',
  'X-Scope',
  'X-User',
  'X-User-Id',
  'X-Forwarded-User',
  'Forwarded',
  'X-Real-IP',
  'X-Passerelle-Identity',
]

/** Every way to write a name that some backend would read as the same. */
function spellings(name: string): string[] {
  const cases = [
    (text: string) => text,
    (text: string) => text.toLowerCase(),
    (text: string) => text.toUpperCase(),
    (text: string) => text.replace(/[aeiou]/g, (vowel) => vowel.toUpperCase()),
  ]
  const separated = ['-', '_', '--', '__', '.', '-_', '_-', '~'].map((separator) =>
    name.split('-').join(separator),
  )
  const edged = [
    `_${name}`,
    `${name}_`,
    `.${name}`,
    `${name}~`,
    `'${name}`,
    `${name}!`,
    `${name}.`,
    `*${name}`,
  ]
  return [...new Set([...separated.flatMap((text) => cases.map((change) => change(text))), ...edged])]
}

/** What a CGI-like backend would call a header. */
const folded = (name: string) => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')

const guarded = ['GET /api1 HTTP/1.1', 'Host: a', 'Connection: close', 'Authorization: Bearer good']
const toBytes = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`

t.test('forged in forty spellings, no identity header reaches a backend', async (t) => {
  const { gateway, backend } = await setScene(t)
  t.ok(spellings('X-Roles').length >= 40, `${spellings('X-Roles').length} spellings of X-Roles`)
  for (const name of names) {
    for (const spelling of spellings(name)) {
      backend.requests.length = 0
      const answer = await sendRaw(gateway.url, toBytes([...guarded, `${spelling}: FORGED`]))
      const raw = backend.requests[0]?.rawHeaders ?? []
      // A doubled hyphen is folded into nothing: to every backend it is another header.
      const isAnother = /[A-Za-z]--[A-Za-z]/.test(spelling)
      t.ok(isAnother || !raw.includes('FORGED'), `${spelling} (${answer.status})`)
      t.same(rolesAsFolded(raw), ['USER'], spelling)
    }
  }
})

/** The values of what a CGI-like backend would take for the roles. */
function rolesAsFolded(raw: readonly string[]): unknown[] {
  return raw.flatMap((name, index) => (index % 2 === 0 && folded(name) === 'X_ROLES' ? [raw[index + 1]] : []))
}

t.test('the application sees our value alone, whatever mix of spellings is sent', async (t) => {
  const { gateway, backend } = await setScene(t)
  const spelling = fc.constantFrom(...names.flatMap(spellings))
  const property = fc.asyncProperty(
    fc.array(spelling, { maxLength: 12 }),
    fc.boolean(),
    async (forged, isFirst) => {
      backend.requests.length = 0
      const fields = forged.map((name) => `${name}: FORGED`)
      const [line = '', ...rest] = guarded
      await sendRaw(gateway.url, toBytes(isFirst ? [line, ...fields, ...rest] : [...guarded, ...fields]))
      const seen = rolesAsFolded(backend.requests[0]?.rawHeaders ?? [])
      return seen.length === 1 && seen[0] === 'USER'
    },
  )
  await fc.assert(property, { numRuns: 150 })
  t.pass()
})

t.test('open routes are no way in either', async (t) => {
  const { gateway, backend } = await setScene(t)
  const forged = spellings('X-Roles').map((name) => `${name}: FORGED`)
  const lines = ['GET /api2 HTTP/1.1', 'Host: a', 'Connection: close', ...forged]
  t.equal((await sendRaw(gateway.url, toBytes(lines))).status, 200)
  t.same(rolesAsFolded(backend.requests[0]?.rawHeaders ?? []), [])
})

t.test('trailers become headers nowhere', async (t) => {
  const { gateway, backend } = await setScene(t)
  const lines = ['POST /api1 HTTP/1.1', ...guarded.slice(1), 'Transfer-Encoding: chunked', 'Trailer: X-Roles']
  await sendRaw(gateway.url, `${toBytes(lines)}3\r\nabc\r\n0\r\nX-Roles: FORGED\r\n\r\n`)
  t.equal(backend.requests[0]?.body, 'abc')
  t.same(rolesAsFolded(backend.requests[0]?.rawHeaders ?? []), ['USER'])
})

t.test('more headers than the limit are refused: none is dropped in silence', async (t) => {
  const { gateway, backend } = await setScene(t)
  const send = (count: number) => {
    const fillers = Array.from({ length: count - 2 }, (_, index) => `a${index}: b`)
    return sendRaw(gateway.url, toBytes(['GET /api2 HTTP/1.1', 'Host: a', 'Connection: close', ...fillers]))
  }
  t.equal((await send(100)).status, 200, 'at the limit')
  t.ok(backend.requests[0]?.headers.a97, 'the last one arrived')
  for (const count of [101, 1_100, 1_800]) t.equal((await send(count)).status, 431, `${count} headers`)
  t.equal(backend.requests.length, 1)
})

const wsgiApplication = `import json
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({k: v for k, v in environ.items() if k.startswith('HTTP_X')}).encode()]
`

t.test('a real WSGI application behind gunicorn sees our value alone', await needs(gunicorn), async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-'))
  writeFileSync(join(folder, 'app.py'), wsgiApplication)
  const port = await freePort()
  const child = spawn('gunicorn', ['--bind', `127.0.0.1:${port}`, '--chdir', folder, 'app'], {
    stdio: 'ignore',
  })
  t.teardown(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
    rmSync(folder, { recursive: true })
  })
  await untilAnswering(port)
  const { gateway } = await setScene(t, { routes: () => ({ '/api1': { to: `http://127.0.0.1:${port}` } }) })
  for (const spelling of ['X_Roles', 'x_roles', 'X-ROLES', 'X_ROLES', 'X-Roles', 'X.Roles']) {
    const answer = await sendRaw(gateway.url, toBytes([...guarded, `${spelling}: ADMIN`]))
    t.match(answer.body, /"HTTP_X_ROLES": "USER"/, spelling)
    t.notMatch(answer.body, /ADMIN/, spelling)
  }
})
