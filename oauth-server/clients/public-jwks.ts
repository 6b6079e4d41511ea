import { createPublicKey, type JsonWebKeyInput } from 'node:crypto'

/** What a client's keys look like, for error texts and documents. */
export const publicJwksRule =
  'must be a JWK Set (RFC 7517) of 1 to 10 public keys of the types EC (P-256, P-384 or P-521), OKP (Ed25519) or RSA (2,048 bits at least), in at most 16,384 characters'

const maxLength = 16_384
const maxKeys = 10
const minRsaBits = 2_048

/** Whether a text is a set of public keys that assertions can be held against; one private member and it is none. */
export function isPublicJwks(text: string): boolean {
  if (text.length > maxLength) return false
  const keys = readKeys(text)
  return keys !== undefined && keys.length >= 1 && keys.length <= maxKeys && keys.every(isPublicKey)
}

function readKeys(text: string): readonly unknown[] | undefined {
  try {
    const set: unknown = JSON.parse(text)
    const isSet = typeof set === 'object' && set !== null && 'keys' in set && Array.isArray(set.keys)
    return isSet ? (set.keys as unknown[]) : undefined
  } catch {
    return undefined
  }
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function isPublicKey(key: unknown): boolean {
  if (typeof key !== 'object' || key === null) return false
  if (privateMembers.some((member) => Object.hasOwn(key, member))) return false
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({
      key: key as JsonWebKeyInput['key'],
      format: 'jwk',
    })
    if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits
    if (asymmetricKeyType === 'ec') return asymmetricKeyDetails?.namedCurve !== 'secp256k1'
    return asymmetricKeyType === 'ed25519'
  } catch {
    return false
  }
}
