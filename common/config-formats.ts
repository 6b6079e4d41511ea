import { databaseUrlRule, parseDatabaseUrl } from './database-url.ts'
import { durationRule, parseDuration } from './duration.ts'
import { listenAddressRule, parseListenAddress } from './listen-address.ts'
import { parseQuota, quotaRule } from './quota.ts'

/** A string format that an option's schema can name: how it is checked, and the rule as an error states it. */
interface ConfigFormat {
  readonly accepts: (text: string) => boolean
  readonly rule: string
}

/** The formats of option values that configuration files share. */
export const configFormats: Readonly<Record<string, ConfigFormat>> = {
  duration: { accepts: (text) => parseDuration(text) !== undefined, rule: durationRule },
  quota: { accepts: (text) => parseQuota(text) !== undefined, rule: quotaRule },
  'listen-address': { accepts: (text) => parseListenAddress(text) !== undefined, rule: listenAddressRule },
  'database-url': { accepts: (text) => parseDatabaseUrl(text) !== undefined, rule: databaseUrlRule },
  'http-url': {
    accepts: isPlainHttpUrl,
    rule: 'must be an absolute http:// or https:// URL without user, password, query or fragment',
  },
  'path-prefix': {
    accepts: (text) =>
      /^(?:\/|(?:\/[A-Za-z0-9._~!$&'()*+,=:@-]+)+)$/.test(text) && !/\/\.{1,2}(?:\/|$)/.test(text),
    rule: 'must be a path such as /api1: it begins with a slash, does not end in one, and holds no dot segment, percent sign or wildcard',
  },
  'header-name': {
    accepts: (text) => /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(text),
    rule: 'must be a header name of letters, digits and hyphens, such as X-Roles',
  },
  scope: {
    accepts: (text) => /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(text),
    rule: 'must be 1 to 128 printable ASCII characters without spaces, double quotes and backslashes (RFC 6749 §3.3)',
  },
  role: {
    accepts: (text) => /^[A-Za-z0-9._:/-]{1,64}$/.test(text),
    rule: 'must be 1 to 64 letters, digits or the signs . _ : / -',
  },
}

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:'
  return isHttp && url.username === '' && url.password === '' && !/[?#]/.test(text)
}
