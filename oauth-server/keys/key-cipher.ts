import { CompactEncrypt, compactDecrypt, errors, type JWK } from 'jose'

/** A private key cannot be read by the key-encryption key in hand; the message is one line with the cure. */
export class SigningKeyUnreadable extends Error {
  constructor(kid: string) {
    super(
      `the signing key ${kid} cannot be decrypted: give the server the keyEncryptionKey (or, with SQLite, the .key file beside the database) that it was made with; where that is lost, make a new signing key by "passerelle keys rotate --immediately"`,
    )
    this.name = 'SigningKeyUnreadable'
  }
}

/**
 * Encrypts private keys for storing (RFC 7516, `dir` and A256GCM). The key's name is part of what is authenticated, so
 * that whoever can write to the database can neither exchange keys nor bring one of their own.
 */
export class KeyCipher {
  readonly #key: Uint8Array

  /** @param key 32 random bytes */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(privateJwk: JWK, kid: string): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(privateJwk)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
      .encrypt(this.#key)
  }

  /** Rejects with {@link SigningKeyUnreadable} when it was sealed by another key or under another name. */
  async open(sealed: string, kid: string): Promise<JWK> {
    try {
      const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] }
      const { plaintext, protectedHeader } = await compactDecrypt(sealed, this.#key, options)
      if (protectedHeader.kid === kid) return JSON.parse(new TextDecoder().decode(plaintext)) as JWK
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error
    }
    throw new SigningKeyUnreadable(kid)
  }
}
