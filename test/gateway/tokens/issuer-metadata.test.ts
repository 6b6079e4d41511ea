import t from 'tap'
import { findKeySetUrl, metadataUrls } from '../../../gateway/tokens/issuer-metadata.ts'

t.test('the well-known paths stand where RFC 8414 and OpenID Connect put them', async (t) => {
  t.same(metadataUrls('https://as.example'), [
    'https://as.example/.well-known/oauth-authorization-server',
    'https://as.example/.well-known/openid-configuration',
  ])
  t.same(metadataUrls('https://as.example:8443/realms/a/'), [
    'https://as.example:8443/.well-known/oauth-authorization-server/realms/a',
    'https://as.example:8443/realms/a/.well-known/openid-configuration',
  ])
})

t.test('an issuer that is reached over TLS cannot send the gateway to keys that are not', async (t) => {
  const find = (issuer: string, jwksUri: unknown) =>
    findKeySetUrl(issuer, async () => ({ issuer, jwks_uri: jwksUri }))
  const refused = { name: 'IdentityProviderFailure', message: /jwks_uri/ }
  for (const url of [
    'http://as.example/jwks',
    'file:///etc/passwd',
    'data:,{}',
    '//as.example/jwks',
    '',
    7,
    null,
  ])
    await t.rejects(find('https://as.example', url), refused)
  await t.rejects(find('http://as.example', 'file:///etc/passwd'), refused)
  t.equal(await find('https://as.example', 'https://keys.example/jwks'), 'https://keys.example/jwks')
  t.equal(await find('http://as.example', 'http://keys.example/jwks'), 'http://keys.example/jwks')
})
