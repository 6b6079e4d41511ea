import { isIP } from 'node:net'
import { databaseUrlRule, parseDatabaseUrl } from './database-url.ts'
import { durationRule, parseDuration } from './duration.ts'
import { listenAddressRule, parseListenAddress } from './listen-address.ts'
import { parseQuota, quotaRule } from './quota.ts'
import { isRole, roleRule } from './role.ts'
import { isScopeToken, scopeTokenRule } from './scope-token.ts'
import { parseStoreUrl, storeUrlRule } from './store-url.ts'

/** A string format that an option's schema can name: how it is checked, and the rule as an error states it. */
interface ConfigFormat {
  readonly accepts: (text: string) => boolean
  readonly rule: string
}

/** The formats of option values that configuration files share. */
export const configFormats: Readonly<Record<string, ConfigFormat>> = {
  duration: { accepts: (text) => parseDuration(text) !== undefined, rule: durationRule },
  timeout: {
    accepts: (text) => isTimeout(parseDuration(text)),
    rule: 'must be a duration from 1ms to 24d, such as 500ms, 30s or 5m',
  },
  quota: { accepts: (text) => parseQuota(text) !== undefined, rule: quotaRule },
  'listen-address': { accepts: (text) => parseListenAddress(text) !== undefined, rule: listenAddressRule },
  'database-url': { accepts: (text) => parseDatabaseUrl(text) !== undefined, rule: databaseUrlRule },
  'store-url': { accepts: (text) => parseStoreUrl(text) !== undefined, rule: storeUrlRule },
  network: {
    accepts: isNetwork,
    rule: 'must be an IP address or a network such as 10.0.0.0/8 or fd00::/8',
  },
  'plain-name': {
    accepts: (text) => /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/.test(text),
    rule: 'must be a name of at most 32 letters, digits and hyphens',
  },
  'http-url': {
    accepts: isPlainHttpUrl,
    rule: 'must be an absolute http:// or https:// URL without user, password, query or fragment',
  },
  'path-prefix': {
    accepts: (text) => /^(?:\/|(?:\/[A-Za-z0-9._~-]+)+)$/.test(text) && !/\/\.{1,2}(?:\/|$)/.test(text),
    rule: 'must be a path such as /api1: it begins with a slash, does not end in one, and holds letters, digits and - . _ ~ only, and no dot segment',
  },
  'header-name': {
    accepts: (text) => /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(text),
    rule: 'must be a header name of letters, digits and hyphens, such as X-Roles',
  },
  'key-256': {
    accepts: (text) => /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text),
    rule: 'must be 32 random bytes in base64url, 43 characters',
  },
  date: { accepts: isDate, rule: 'must be a day such as 2027-12-31' },
  scope: { accepts: isScopeToken, rule: scopeTokenRule },
  role: { accepts: isRole, rule: roleRule },
}

/** A day that there is: the parser would take 31 June for the first of July. */
function isDate(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

/** No time at all would mean "without end" to Node, and more than 2^31 - 1 milliseconds "at once". */
function isTimeout(milliseconds: number | undefined): boolean {
  return milliseconds !== undefined && milliseconds >= 1 && milliseconds <= 24 * 86_400_000
}

function isNetwork(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/')
  const bits = { 4: 32, 6: 128 }[isIP(address)]
  if (bits === undefined || rest.length > 0) return false
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits)
}

/** Held against the text as it is written: the URL parser would drop line breaks and turn backslashes round. */
function isPlainHttpUrl(text: string): boolean {
  if (!/^https?:\/\/[^?#\\\s\p{Cc}]+$/iu.test(text) || !URL.canParse(text)) return false
  return !/^https?:\/\/[^/]*@/i.test(text)
}
