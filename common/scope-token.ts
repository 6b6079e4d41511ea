/** What a scope looks like (RFC 6749 appendix A.4), for error texts and documents. */
export const scopeTokenRule =
  'must be 1 to 64 printable ASCII characters without spaces, double quotes and backslashes (RFC 6749 §3.3)'

/** Whether a text can be one scope: it fits into a header and into a space-separated list as it is. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/.test(text)
}
