import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ClientRegistry, type NewClient } from '../../oauth-server/clients/client-registry.ts'
import { ClientRuleBroken } from '../../oauth-server/clients/client-rules.ts'
import { mintCredential } from '../../oauth-server/credentials.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { tester } from '../support/oauth-server.ts'

const wanted: NewClient = {
  name: 'Tracks',
  roles: ['USER'],
  scopes: ['user'],
  quota: { limit: 1, windowMs: 1_000 },
  grantTypes: ['client_credentials'],
}

const db = await openDatabase('sqlite::memory:')
t.teardown(() => db.destroy())
const registry = new ClientRegistry(db, { now: () => 1, random: randomBytes })

t.test('what breaks a rule is named with its value and the rule', async (t) => {
  const broken: readonly (readonly [Partial<NewClient>, RegExp])[] = [
    [{ name: '' }, /name "" must be 1 to 100 printable characters/],
    [{ name: '   ' }, /name/],
    [{ name: 'x'.repeat(101) }, /name/],
    [{ name: 'a\nb' }, /name "a\\nb" must be/],
    [{ name: 'a\u{202e}b' }, /name/],
    [{ name: '\ud800' }, /name/],
    [{ roles: ['USER', 'a,b'] }, /role "a,b" must be 1 to 64 letters/],
    [{ roles: [''] }, /role ""/],
    [{ roles: ['x'.repeat(65)] }, /role/],
    [
      { roles: Array.from({ length: 51 }, (_, index) => `R${index}`) },
      /roles "51 of them" must be at most 50/,
    ],
    [{ scopes: [] }, /scopes/],
    [{ scopes: ['a b'] }, /scope "a b" must be/],
    [{ scopes: ['a"b'] }, /scope/],
    [{ scopes: ['a\\b'] }, /scope/],
    [{ quota: { limit: 0, windowMs: 1_000 } }, /quota "0\/1s"/],
    [{ quota: { limit: 1.5, windowMs: 1_000 } }, /quota/],
    [{ quota: { limit: 1, windowMs: 999 } }, /quota/],
    [{ quota: { limit: 1, windowMs: 1_500 } }, /in whole seconds/],
    [{ redirectUris: ['http://app.example.org/done'] }, /redirect URI "http:\/\/app.example.org\/done" must/],
    [{ audiences: ['api'] }, /audience "api" must be an absolute URI/],
    [{ accessTokenLifetimeMs: 999 }, /access token lifetime "999ms" must be from 1s to 366d/],
    [{ refreshTokenLifetimeMs: 367 * 86_400_000 }, /refresh token lifetime/],
    [{ authMethod: 'private_key_jwt' }, /"private_key_jwt" needs its public keys/],
    [{ authMethod: 'none' }, /"none" does not go with the grant client_credentials/],
    [{ grantTypes: ['refresh_token'] }, /grant types "refresh_token" must have client_credentials or/],
    [{ grantTypes: ['authorization_code'] }, /need at least one redirect URI/],
    [{ planId: 'gold' }, /plan "gold" is not known/],
  ]
  for (const [change, message] of broken) {
    const error = await registry
      .create({ ...wanted, ...change }, tester, { createRoles: true })
      .catch((caught: unknown) => caught)
    t.ok(error instanceof ClientRuleBroken, String(message))
    t.match(error, { message })
    t.notMatch((error as Error).message, /\n/)
  }
  t.strictSame(await registry.page({}, { limit: 1, after: undefined }), { items: [], next: undefined })
})

t.test('a private key that is given for a public one is refused and not repeated', async (t) => {
  const key = { d: 'sentinel-of-a-private-key', kty: 'OKP', crv: 'Ed25519', x: 'x' }
  const jwks = JSON.stringify({ keys: [key] })
  const made = registry.create({ ...wanted, authMethod: 'private_key_jwt', jwks }, tester, {
    createRoles: true,
  })
  const error = await made.catch((caught: unknown) => caught)
  t.match(error, { message: /the client's jwks "of \d+ characters" must be a JWK Set/ })
  t.notMatch(JSON.stringify(error), /senti/)
})

t.test('ids are readable, and different for the same name', async (t) => {
  const first = await registry.create({ ...wanted, name: '  Ma Chaîne — TV!  ' }, tester, {
    createRoles: true,
  })
  const second = await registry.create({ ...wanted, name: '  Ma Chaîne — TV!  ' }, tester, {
    createRoles: true,
  })
  t.match(first.client.id, /^ma-chaine-tv-[a-z2-9]{8}$/)
  t.not(first.client.id, second.client.id)
  t.not(first.secret, second.secret)
  t.match(
    (await registry.create({ ...wanted, name: '日本' }, tester, { createRoles: true })).client.id,
    /^client-[a-z2-9]{8}$/,
  )
  const long = (await registry.create({ ...wanted, name: 'x-'.repeat(50) }, tester, { createRoles: true }))
    .client.id
  t.match(long, /^[a-z0-9-]{1,64}$/)
})

t.test('a credential holds all of its 256 random bits', (t) => {
  const zeros = mintCredential('pat', (size) => new Uint8Array(size))
  const ones = mintCredential('pat', (size) => new Uint8Array(size).fill(0xff))
  t.equal(zeros, `pat_${'0'.repeat(43)}`)
  const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const value = [...ones.slice(4)].reduce((sum, sign) => sum * 62n + BigInt(base62.indexOf(sign)), 0n)
  t.equal(value, 2n ** 256n - 1n)
  t.end()
})
