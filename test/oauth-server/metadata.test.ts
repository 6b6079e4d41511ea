import t from 'tap'
import { findKeySetUrl } from '../../gateway/tokens/issuer-metadata.ts'
import { metadataOf } from '../../oauth-server/endpoints/metadata.ts'
import { startTestServer } from '../support/oauth-server.ts'

const place = '/.well-known/oauth-authorization-server'

t.test('A17: the metadata name the issuer byte by byte, and everything below it', async (t) => {
  for (const issuer of [
    'https://id.example.org',
    'https://ID.example.org:443/',
    'https://id.example.org/a%20b/',
  ]) {
    const server = await startTestServer(t, { issuer })
    const response = await fetch(server.url + place)
    t.equal(response.status, 200)
    t.match(response.headers.get('content-type'), /^application\/json/)
    t.equal(response.headers.get('cache-control'), 'public, max-age=300')
    const metadata = (await response.json()) as Record<string, string>
    t.equal(metadata.issuer, issuer)
    t.equal(metadata.token_endpoint, `${issuer.replace(/\/$/, '')}/oauth/token`)
    t.strictSame(metadata, metadataOf(issuer))
  }
})

t.test('A17: an issuer with a path is found where RFC 8414 puts it, and nowhere else', async (t) => {
  const issuer = 'https://example.org/tenants/one'
  const server = await startTestServer(t, { issuer })
  t.match(await (await fetch(`${server.url}${place}/tenants/one`)).json(), { issuer })
  for (const path of ['/tenants', '/tenants/one/', '/tenants/two', '/tenants/one/x', '/'])
    t.equal((await fetch(server.url + place + path)).status, 404, path)
  const plain = await startTestServer(t)
  for (const path of ['/', '/x']) t.equal((await fetch(plain.url + place + path)).status, 404)
})

t.test(
  'A17: left out, the issuer is where the server listens, and a discovering client finds its keys',
  async (t) => {
    const server = await startTestServer(t)
    const load = async (url: string): Promise<unknown> => (await fetch(url)).json()
    t.equal(await findKeySetUrl(server.url, load), `${server.url}/.well-known/jwks.json`)
  },
)

t.test('A9, A12: what is not safe is not offered', (t) => {
  const metadata = metadataOf('https://id.example.org')
  t.strictSame(metadata.response_types_supported, ['code'])
  t.strictSame(metadata.code_challenge_methods_supported, ['S256'])
  t.strictSame(metadata.grant_types_supported, ['authorization_code', 'client_credentials', 'refresh_token'])
  t.equal(metadata.authorization_response_iss_parameter_supported, true)
  t.strictSame(metadata.ui_locales_supported, ['en', 'fr', 'de'])
  for (const algorithms of [metadata.token_endpoint_auth_signing_alg_values_supported])
    t.notOk(algorithms.some((name) => name === 'none' || name.startsWith('HS')))
  t.end()
})
