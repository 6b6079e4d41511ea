/** The syntax of a bearer token (RFC 6750 §2.1), within a bound. */
const bearerToken = /^[A-Za-z0-9._~+/-]{1,4096}=*$/

/** Whether a text can be presented as a bearer token at all. */
export function isBearerToken(text: string): boolean {
  return bearerToken.test(text)
}
