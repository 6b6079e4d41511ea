/**
 * Somebody sends every endpoint what no client sends: parameters twice, in structures, in wrong types and encodings, too
 * long, or with bytes that a database refuses. Whatever it is, the answer is an error of RFC 6749 that repeats nothing.
 */
import fc from 'fast-check'
import t from 'tap'
import { databaseKinds } from '../support/databases.ts'
import { basic, formCredentials, startTestServer } from '../support/oauth-server.ts'

const form = 'application/x-www-form-urlencoded'
const errors =
  /^(?:invalid_(?:request|client|grant|scope|token)|un(?:authorized_client|supported_grant_type)|not_found)$/

const names = [
  ...['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type', 'scope'],
  ...['refresh_token', 'token', 'access_token', 'token_type_hint', 'code', 'redirect_uri', 'code_verifier'],
  ...['resource', 'grant_type[]', 'scope[a]', '__proto__', 'constructor', 'toString', '', '%00', 'é'],
]

const values = [
  ...[
    '',
    'client_credentials',
    'refresh_token',
    'authorization_code',
    'password',
    '%00',
    'a%00b',
    '%ED%A0%80',
  ],
  ...[
    '%ff%fe',
    '%',
    '%zz',
    '%u0041',
    'null',
    '[object Object]',
    '[]',
    '{}',
    '1e999',
    '-1',
    'true',
    '__proto__',
  ],
  ...["'", '"', "' or 1=1 --", '%27%3B drop table clients', '%5C', '%0d%0aSet-Cookie: a=b', '%E2%80%AE'],
  ...['a'.repeat(2_000), '%61'.repeat(600), ' '.repeat(100), '+', '\u00e9', '\0', '\ud800', 'S3NTINEL'],
  'urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer',
  'eyJhbGciOiJub25lIn0.e30.',
]

const pair = fc
  .tuple(
    fc.constantFrom(...names),
    fc.constantFrom('=', '=', '=', '', '=='),
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, fc.string({ unit: 'binary' })),
  )
  .map((parts) => parts.join(''))
const text = fc
  .array(pair, { maxLength: 6 })
  .chain((pairs) => fc.constantFrom(pairs.join('&'), [...pairs, ...pairs].join('&'), `${pairs.join('&')}&&`))
const body = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constantFrom('a'.repeat(8_192), 'a'.repeat(8_193), `a=${'%00'.repeat(2_700)}`, '&'.repeat(8_000)),
  fc.json().map((json) => json.slice(0, 8_000)),
)
const type = fc.constantFrom(
  ...[form, form, form, `${form}; charset=utf-16`, `${form}; charset="`, 'application/json', 'text/plain'],
  ...[
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'application/xml',
    '',
    '/',
    `${form},${form}`,
  ],
)
const place = fc.constantFrom(
  ...['/oauth/token', '/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/verifToken'],
  ...['/oauth/authorize', '/healthz', '/.well-known/jwks.json', '/__proto__'],
)
const authorization = fc.constantFrom(
  ...['', 'Basic', 'Basic ', 'Basic =', 'Basic AAAA', 'Basic AA==', 'Bearer x', 'Digest a="b"', 'basic YTpi'],
  ...[
    'Basic YTpi, Basic YTpi',
    `Basic ${'QUFB'.repeat(1_000)}`,
    `Basic ${Buffer.from('\0:\0').toString('base64')}`,
  ],
)

for (const { name, options, create } of await databaseKinds())
  t.test(`A1, A24: ${name}: no parameters make a failure`, { ...options, timeout: 110_000 }, async (t) => {
    const server = await startTestServer(t, {}, create)
    const client = await server.create({ scopes: ['user', 'introspect'] })
    const good = basic(client).authorization
    const request = fc.record({
      place,
      method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS'),
      query: fc.option(text, { nil: '' }),
      body,
      type,
      authorization: fc.oneof(fc.constant(good), fc.constant(undefined), authorization),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ place, method, query, body, type, authorization }) => {
        const response = await fetch(`${server.url}${place}?${encodeURI(query.toWellFormed())}`, {
          method,
          redirect: 'manual',
          headers: { 'content-type': type, ...(authorization !== undefined && { authorization }) },
          ...(method !== 'GET' && { body }),
        })
        holdAnswer(response.status, await response.text(), response.headers)
      }),
      { numRuns: 1_500 },
    )
    t.notMatch(server.logLines.join(''), /request failed|S3NTINEL|"level":50/)
    t.equal(
      (await server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(client))).status,
      200,
    )
  })

t.test('A1: a parameter that is given twice, in any endpoint, is an invalid request', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ scopes: ['user', 'introspect'] })
  const right: Record<string, string> = { '/oauth/token': 'grant_type=client_credentials' }
  for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke'])
    for (const name of ['grant_type', 'client_id', 'client_secret', 'token', 'scope', 'x', '__proto__']) {
      const twice = `${name}=a&${name}=a`
      const response = await post(server.url + path, `${right[path] ?? 'token=x'}&${twice}`, basic(client))
      t.equal(response.status, 400, `${path} ${name}`)
      t.match(await response.json(), { error: 'invalid_request' })
    }
  const query = await fetch(`${server.url}/oauth/verifToken?access_token=a&access_token=b`, {
    headers: basic(client),
  })
  t.equal(query.status, 400)
})

t.test('A1: an empty parameter is as one that is left out, and unknown ones are ignored', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  const credentials = new URLSearchParams(formCredentials(client))
  const body = `grant_type=client_credentials&${credentials}&scope=&refresh_token=&client_assertion=&x=1&__proto__=y`
  const response = await post(`${server.url}/oauth/token`, body)
  t.equal(response.status, 200)
  t.match(await response.json(), { scope: 'user' })
})

function post(url: string, body: string, headers: Record<string, string> = {}) {
  return fetch(url, { method: 'POST', headers: { 'content-type': form, ...headers }, body })
}

/** What is no success is an error of RFC 6749 §5.2 with a text of the server's own. */
function holdAnswer(status: number, text: string, headers: Headers): void {
  const context = `${status} ${text}`
  if (status >= 500) throw new Error(`a failure: ${context}`)
  if (/S3NTINEL|drop table|sql|postgres|near "|\/work\/|\.ts:/i.test(text))
    throw new Error(`a leak: ${context}`)
  if (status === 200 || (status === 204 && text === '')) return
  // What a user's browser is answered is a page.
  if (headers.get('content-type')?.startsWith('text/html')) return
  const { error, error_description: description, ...others } = JSON.parse(text) as Record<string, unknown>
  if (!errors.test(String(error)) || typeof description !== 'string' || Object.keys(others).length > 0)
    throw new Error(`no error of RFC 6749: ${context}`)
  if (!headers.get('content-type')?.startsWith('application/json')) throw new Error(`no JSON: ${context}`)
  if (headers.get('cache-control') !== 'no-store') throw new Error(`can be cached: ${context}`)
}
