import { type CryptoKey, calculateJwkThumbprint, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Logger } from '../../common/log.ts'
import {
  type SigningAlgorithm,
  SigningKeyRepository,
  type StoredSigningKey,
} from '../store/signing-key-repository.ts'
import type { Database } from '../store/tables.ts'
import { type KeyCipher, SigningKeyUnreadable } from './key-cipher.ts'
import { KeyRegistry } from './key-registry.ts'
import { keyInUse, rereadAfterMs } from './key-schedule.ts'

/** Signs access tokens with the key whose turn it is. */
export interface TokenSigner {
  readonly kid: string
  /** The compact JWT, of the type `at+jwt` (RFC 9068 §2.1). */
  sign(claims: JWTPayload): Promise<string>
}

/** A JSON Web Key Set (RFC 7517 §5) of public keys. */
export interface PublicKeySet {
  readonly keys: readonly JWK[]
}

/** Tokens are to be signed, and nothing says by what the signing keys are encrypted. */
export class KeyEncryptionKeyMissing extends Error {
  constructor() {
    super(
      'JWT access tokens cannot be signed: set keyEncryptionKey to 32 random bytes in base64url, the same on every server, by which the signing keys are encrypted in the database',
    )
    this.name = 'KeyEncryptionKeyMissing'
  }
}

/** What the signing keys need. */
export interface SigningKeysMeans {
  readonly db: Database
  readonly now: () => number
  readonly log: Logger
  /** `undefined` where there is no key-encryption key: then nothing can be signed. */
  readonly cipher: KeyCipher | undefined
  /** Of the first key, should there be none. */
  readonly algorithm: SigningAlgorithm
}

interface LoadedKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly signsFrom: number
  readonly publicJwk: JWK
  readonly privateKey: CryptoKey | undefined
}

/** The keys as they were read at one moment. */
interface LoadedKeys {
  readonly keys: readonly LoadedKey[]
  readonly readAt: number
}

/**
 * The signing keys as one server uses them. They are read again when they are ten seconds old, so that a server signs by
 * a rotation that any other process made. All of them read the same times, and change keys at the same moment.
 */
export class SigningKeys {
  readonly #means: SigningKeysMeans
  #loaded: LoadedKeys | undefined
  #underWay: Promise<LoadedKeys> | undefined

  constructor(means: SigningKeysMeans) {
    this.#means = means
  }

  /** Makes the first key where there is none, and reads all. Rejects with {@link SigningKeyUnreadable}. */
  async prepare(): Promise<void> {
    const { db, now, cipher, algorithm } = this.#means
    if (cipher !== undefined) await new KeyRegistry(db, now).ensureFirst(algorithm, cipher)
    await this.#read()
  }

  /** The key whose turn it is. Rejects with {@link KeyEncryptionKeyMissing}. Never call it within a transaction. */
  async signer(): Promise<TokenSigner> {
    if (this.#means.cipher === undefined) throw new KeyEncryptionKeyMissing()
    const { keys } = await this.#current()
    const key = keyInUse(keys, this.#means.now())
    if (key?.privateKey === undefined) throw new Error('no signing key has come to its time yet')
    const { kid, algorithm, privateKey } = key
    return {
      kid,
      sign: (claims) =>
        new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt' }).sign(privateKey),
    }
  }

  /** What verifiers need: the key in use, the one that is to follow, and the old ones whose tokens still live. */
  async publicKeys(): Promise<PublicKeySet> {
    const { keys } = await this.#current()
    return { keys: keys.map(({ publicJwk }) => publicJwk) }
  }

  /** While the database is away the keys that are in hand go on: verifiers depend on them. */
  async #current(): Promise<LoadedKeys> {
    const loaded = this.#loaded
    const age = loaded === undefined ? Number.POSITIVE_INFINITY : this.#means.now() - loaded.readAt
    if (loaded !== undefined && age >= 0 && age < rereadAfterMs) return loaded
    this.#underWay ??= this.#read().finally(() => {
      this.#underWay = undefined
    })
    if (loaded === undefined) return this.#underWay
    return this.#underWay.catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : 'unknown'
      this.#means.log.warn({ reason }, 'the signing keys could not be read again')
      return loaded
    })
  }

  async #read(): Promise<LoadedKeys> {
    const readAt = this.#means.now()
    const known = new Map(this.#loaded?.keys.map((key) => [key.kid, key]))
    const stored = await new SigningKeyRepository(this.#means.db).list()
    const keys = await Promise.all(stored.map((key) => known.get(key.kid) ?? this.#load(key)))
    this.#loaded = { keys, readAt }
    return this.#loaded
  }

  /** Both halves must be of the name: a public key that somebody wrote over another is not published. */
  async #load(stored: StoredSigningKey): Promise<LoadedKey> {
    const { kid, algorithm, signsFrom } = stored
    const publicJwk = JSON.parse(stored.publicJwk) as JWK
    const privateJwk = await this.#means.cipher?.open(stored.privateJwe, kid)
    for (const half of [publicJwk, ...(privateJwk ? [privateJwk] : [])])
      if ((await calculateJwkThumbprint(half)) !== kid) throw new SigningKeyUnreadable(kid)
    const privateKey = privateJwk && ((await importJWK(privateJwk, algorithm)) as CryptoKey)
    return { kid, algorithm, signsFrom, publicJwk, privateKey }
  }
}
