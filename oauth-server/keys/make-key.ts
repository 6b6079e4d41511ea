import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { SigningAlgorithm, StoredSigningKey } from '../store/signing-key-repository.ts'
import type { KeyCipher } from './key-cipher.ts'

/** A new key pair, named by its thumbprint (RFC 7638), the private half encrypted. */
export type NewKey = Pick<StoredSigningKey, 'kid' | 'algorithm' | 'publicJwk' | 'privateJwe'>

export async function makeKey(algorithm: SigningAlgorithm, cipher: KeyCipher): Promise<NewKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  return {
    kid,
    algorithm,
    publicJwk: JSON.stringify({ ...publicJwk, kid, alg: algorithm, use: 'sig' }),
    privateJwe: await cipher.seal(await exportJWK(pair.privateKey), kid),
  }
}
