/** What a redirect URI looks like, for error texts and documents. */
export const redirectUriRule =
  'must be an absolute URI without a fragment, at most 2,000 characters long: https, http on 127.0.0.1, [::1] or localhost, or an application’s own scheme with a dot in it, such as com.example.app:/done'

/** What a resource indicator looks like, for error texts and documents. */
export const resourceUriRule =
  'must be an absolute URI without a fragment, at most 2,000 characters long (RFC 8707 §2), such as https://api.example.org'

const loopbackHosts = new Set(['127.0.0.1', '[::1]', 'localhost'])

/**
 * Whether users may be sent back there: RFC 8252 §7 and RFC 9700 §2.1. Schemes that run something where they are opened,
 * such as `javascript:` and `data:`, have no dot and so are none.
 */
export function isRedirectUri(text: string): boolean {
  const url = parsePlain(text)
  if (url === undefined) return false
  if (url.protocol === 'https:') return isHttpLike(text)
  if (url.protocol === 'http:') return isHttpLike(text) && loopbackHosts.has(url.hostname)
  return /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/.test(url.protocol)
}

/** Whether a text can name a resource that tokens are for. */
export function isResourceUri(text: string): boolean {
  return parsePlain(text) !== undefined
}

/** Read as it is written: URL parsers drop spaces and turn backslashes round, and browsers do it differently. */
function parsePlain(text: string): URL | undefined {
  if (
    text.length > 2_000 ||
    !/^[a-z][a-z0-9+.-]*:[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/i.test(text)
  )
    return undefined
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.username === '' && url.password === '' ? url : undefined
}

function isHttpLike(text: string): boolean {
  return /^https?:\/\/[^/?]/i.test(text)
}
