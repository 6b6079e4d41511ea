import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { isPublicJwks } from '../../oauth-server/clients/public-jwks.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicKey = ec.publicKey.export({ format: 'jwk' })
const set = (...keys: readonly unknown[]) => JSON.stringify({ keys })

t.test('public keys that a signature can be held against', (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' })
  const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  t.equal(isPublicJwks(set({ ...publicKey, kid: 'one', use: 'sig', alg: 'ES256' }, rsa, ed)), true)
  t.end()
})

t.test('a private key, a shared secret, a weak key and what is no key are refused', (t) => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' })
  const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  for (const text of [
    '',
    'null',
    '[]',
    '{"keys":{}}',
    set(),
    set(null),
    set('key'),
    set({}),
    set(ec.privateKey.export({ format: 'jwk' })),
    set({ ...publicKey, k: 'c2VjcmV0' }),
    set({ kty: 'oct', k: 'c2VjcmV0' }),
    set({ ...publicKey, x: 'AA' }),
    set(weak),
    set(x25519),
    set(publicKey, {}),
    set(...Array.from({ length: 11 }, () => publicKey)),
    set({ ...publicKey, note: 'x'.repeat(16_384) }),
  ])
    t.equal(isPublicJwks(text), false, text.slice(0, 80))
  t.end()
})
