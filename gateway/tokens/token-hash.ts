import { hash } from 'node:crypto'
import { twinOf } from './signature-twin.ts'

/**
 * What a token is known by in every cache: 12 signs that tell the provider that is asked, and the token's SHA-256 digest
 * as 32 signs of one byte each, which take the least memory and time. Who knows the digest alone, as the authorization
 * server does, can name the token by it. It is never shown; {@link toText} is what others get to see.
 */
export type TokenKey = string

const prefixLength = 12

/** Makes the keys of one provider's tokens: what one provider says is never found under another's key. */
export class TokenHasher {
  /** Tells the provider in 12 signs of base64url, the same in every process that has it. */
  readonly scope: string

  /** @param provider Its name in the configuration, and its protocol and address. */
  constructor(provider: { readonly name: string; readonly id: string }) {
    // As JSON, so that no name and address read like another pair. All prefixes are of one length, so that none with its
    // digest reads like another with another.
    const pair = JSON.stringify(['passerelle token', provider.name, provider.id])
    this.scope = hash('sha256', pair, 'base64url').slice(0, prefixLength)
  }

  keyOf(token: string): TokenKey {
    return this.scope + hash('sha256', token, 'binary')
  }

  /** The key of the token's other form, see {@link twinOf}; `undefined` where it has one only. */
  twinKeyOf(token: string): TokenKey | undefined {
    const twin = twinOf(token)
    return twin === undefined ? undefined : this.keyOf(twin)
  }

  /** @param tokenHash The token's SHA-256 digest in hexadecimal. */
  keyOfHash(tokenHash: string): TokenKey {
    return this.scope + Buffer.from(tokenHash, 'hex').toString('latin1')
  }
}

/** A key as text, for messages between processes. */
export function toText(key: TokenKey): string {
  return key.slice(0, prefixLength) + Buffer.from(key.slice(prefixLength), 'latin1').toString('base64url')
}

/** Reads what {@link toText} has written; `undefined` when it is something else. */
export function fromText(text: string): TokenKey | undefined {
  if (!/^[\w-]{55}$/.test(text)) return undefined
  return text.slice(0, prefixLength) + Buffer.from(text.slice(prefixLength), 'base64url').toString('latin1')
}

/** The provider and 132 bits of the digest, which no two tokens share: the name of what the store holds of the token. */
export function shortText(key: TokenKey): string {
  return toText(key).slice(0, prefixLength + 22)
}
