import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { KeySet, PublishedKeys } from './key-set.ts'
import type { VerificationKey } from './key-set-document.ts'

/** How many keys are tried on a token that names none. */
const maxTriedKeys = 10

/** What of a token's header decides how it is verified. A key, or an address of one, that it brings along never does. */
export interface SignatureHeader {
  readonly algorithm: string
  readonly keyId: string | undefined
}

/** A token, and how its claims are judged once its signature is good. */
export interface SignedToken {
  readonly token: string
  readonly header: SignatureHeader
  readonly options: JWTVerifyOptions
}

/**
 * The claims of a token that a published key has signed; `key` where no key fits it, `signature` where none of those that
 * fit has signed it. Newer keys are asked for where one of them may have. Rejects with jose's error for claims that are not
 * good, which holds them, and with what the key set rejects with.
 */
export async function verifyByPublishedKey(
  keySet: KeySet,
  signed: SignedToken,
): Promise<JWTPayload | 'key' | 'signature'> {
  const known = await keySet.current()
  const outcome = await verifyByOneOf(known, signed)
  if (!mayHaveNewKey(outcome, known, signed.header)) return outcome
  const newer = await keySet.newerThan(known)
  return newer === undefined ? outcome : verifyByOneOf(newer, signed)
}

async function verifyByOneOf(
  { keys }: PublishedKeys,
  { token, header, options }: SignedToken,
): Promise<JWTPayload | 'key' | 'signature'> {
  const fitting = keys.filter((key) => fits(key, header)).slice(0, maxTriedKeys)
  for (const { key } of fitting) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  return fitting.length === 0 ? 'key' : 'signature'
}

/** A key without a name may be the one that a token names, and a token without a name may be by any key. */
function fits({ algorithm, id }: VerificationKey, header: SignatureHeader): boolean {
  const isNamedSo = id === undefined || header.keyId === undefined || id === header.keyId
  return algorithm === header.algorithm && isNamedSo
}

/** Whether a key that is not known yet may have signed. A bad signature by the very key that is named is final. */
function mayHaveNewKey(
  outcome: JWTPayload | 'key' | 'signature',
  { keys }: PublishedKeys,
  { keyId, algorithm }: SignatureHeader,
): boolean {
  if (outcome === 'key') return true
  const isKnown = keyId !== undefined && keys.some((key) => key.id === keyId && key.algorithm === algorithm)
  return outcome === 'signature' && !isKnown
}
