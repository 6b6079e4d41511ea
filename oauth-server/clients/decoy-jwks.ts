import { createPublicKey, generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

const known = new Map<string, string>()

/**
 * A JWK Set, as JSON, with one public key for an algorithm, whose private half nobody has: what an assertion is held
 * against where there is no client, so that it costs what it costs where there is one.
 */
export function decoyJwksFor(algorithm: string): string {
  const made = known.get(algorithm) ?? JSON.stringify({ keys: [makeDecoy(algorithm)] })
  known.set(algorithm, made)
  return made
}

function makeDecoy(algorithm: string): JsonWebKey {
  const namedCurve = curves[algorithm]
  if (namedCurve !== undefined)
    return generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' })
  if (algorithm.startsWith('Ed')) return generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  // Any odd number of 2,048 bits does for a modulus that nothing is signed by, and costs no search for primes.
  const modulus = randomBytes(256)
  modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0)
  modulus.writeUInt8(modulus.readUInt8(255) | 1, 255)
  const key = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
  return createPublicKey({ key, format: 'jwk' }).export({ format: 'jwk' })
}
