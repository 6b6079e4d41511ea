import { hash } from 'node:crypto'

/**
 * What a token is known by in every cache: the SHA-256 digest of the provider that is asked and of the token, as 32 signs
 * of one byte each, which take the least memory and time. It is never shown; {@link toText} is what others get to see.
 */
export type TokenKey = string

/** Makes the keys of one provider's tokens: what one provider says is never found under another's key. */
export class TokenHasher {
  readonly #prefix: string

  /** @param provider Its name in the configuration, and its protocol and address. */
  constructor(provider: { readonly name: string; readonly id: string }) {
    // As JSON, so that no name and address read like another pair. All prefixes are of one length, so that none with its
    // token reads like another with another; and with it an opaque token of 43 signs is one block of SHA-256, not two.
    const pair = JSON.stringify(['passerelle token', provider.name, provider.id])
    this.#prefix = hash('sha256', pair, 'base64url').slice(0, 12)
  }

  keyOf(token: string): TokenKey {
    return hash('sha256', this.#prefix + token, 'binary')
  }
}

/** A key as text, for messages between processes. */
export function toText(key: TokenKey): string {
  return Buffer.from(key, 'latin1').toString('base64url')
}

/** Reads what {@link toText} has written; `undefined` when it is something else. */
export function fromText(text: string): TokenKey | undefined {
  return /^[\w-]{43}$/.test(text) ? Buffer.from(text, 'base64url').toString('latin1') : undefined
}

/** 132 bits of a key, which no two tokens share: the name of what the store holds of the token. */
export function shortText(key: TokenKey): string {
  return toText(key).slice(0, 22)
}
