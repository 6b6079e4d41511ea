import { databaseUrlRule, parseDatabaseUrl } from './database-url.ts'
import { durationRule, parseDuration } from './duration.ts'
import { listenAddressRule, parseListenAddress } from './listen-address.ts'
import { parseQuota, quotaRule } from './quota.ts'
import { isRole, roleRule } from './role.ts'
import { isScopeToken, scopeTokenRule } from './scope-token.ts'

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
  scope: { accepts: isScopeToken, rule: scopeTokenRule },
  role: { accepts: isRole, rule: roleRule },
}

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:'
  return isHttp && url.username === '' && url.password === '' && !/[?#]/.test(text)
}
