import { hash } from 'node:crypto'

/** Gives this many random bytes; `randomBytes` of `node:crypto` outside tests. */
export type RandomSource = (size: number) => Uint8Array

/** What a credential is for, told by its first letters, so that a leaked one can be recognised. */
export type CredentialPrefix = 'psk' | 'pat' | 'prt' | 'pac' | 'pss'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 62^43 is the first power of 62 above 2^256. */
const base62Length = 43

/**
 * Makes a client secret (`psk_…`), an access token (`pat_…`), a refresh token (`prt_…`), an authorization code (`pac_…`)
 * or a session (`pss_…`) of 256 random bits. Its
 * signs are those that form-url-encoding leaves alone, because client libraries disagree on whether the halves of
 * HTTP Basic are encoded (RFC 6749 §2.3.1).
 */
export function mintCredential(prefix: CredentialPrefix, random: RandomSource): string {
  return `${prefix}_${randomBase62(32, random).padStart(base62Length, '0')}`
}

/** A short random text of lower-case letters and digits, for readable identifiers; 40 bits in 8 signs. */
export function randomSuffix(random: RandomSource): string {
  return Array.from(random(8), (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte % 32]).join('')
}

/**
 * The form in which a credential is stored and looked up: SHA-256 in hexadecimal. It is neither slow nor salted
 * because a credential has 256 random bits: there is no dictionary to try.
 */
export function hashCredential(credential: string): string {
  return hash('sha256', credential, 'hex')
}

/** What a listing may show of a credential. */
export function lastFour(credential: string): string {
  return credential.slice(-4)
}

function randomBase62(size: number, random: RandomSource): string {
  let rest = BigInt(`0x${Buffer.from(random(size)).toString('hex')}`)
  let text = ''
  for (; rest > 0n; rest /= 62n) text = base62.charAt(Number(rest % 62n)) + text
  return text
}
