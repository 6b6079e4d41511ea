import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a text can be a challenge of the method S256: SHA-256 in base64url (RFC 7636 §4.2). */
export function isCodeChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text)
}

/** Whether a text can be a verifier (RFC 7636 §4.1). */
export function isCodeVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text)
}

/** Whether a verifier is the one behind a challenge (RFC 7636 §4.6), in a time that tells nothing. */
export function verifierMatches(verifier: string, challenge: string): boolean {
  const computed = createHash('sha256').update(verifier, 'ascii').digest()
  const expected = Buffer.from(challenge, 'base64url')
  return expected.length === computed.length && timingSafeEqual(computed, expected)
}
