import type { IdentityHeaderNames } from '../config/settings.ts'

/** Header fields that belong to one connection and are never forwarded (RFC 9110 §7.6.1). */
const hopByHop = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Fields by which a backend learns who calls and from where, under every name that this or the original platform gives
 * them, whatever the configuration calls them: a backend may still listen to the old name.
 */
const identityNames = [
  'x-roles',
  'x-arte-roles',
  'x-client-id',
  'x-scope',
  'x-real-ip',
  'x-request-id',
  'forwarded',
]
const identityPrefixes = ['x-user', 'x-forwarded-', 'x-passerelle-']

/** What becomes of a header field of a client's request. */
export const disposition = {
  forward: 0,
  drop: 1,
  connection: 2,
  host: 3,
  authorization: 4,
  contentType: 5,
  transferEncoding: 6,
  referer: 7,
} as const

export type Disposition = (typeof disposition)[keyof typeof disposition]

/** Most spellings that are remembered; a client that sends new ones without end costs time, not memory. */
const maxSpellings = 1_000

/** Decides, by its name, what becomes of each header field of a client's request. */
export class EntryHeaderRules {
  readonly #special = new Map<string, Disposition>()
  readonly #bySpelling = new Map<string, Disposition>()

  constructor(names: IdentityHeaderNames) {
    for (const name of [...hopByHop, ...identityNames, 'expect']) this.#special.set(name, disposition.drop)
    for (const name of Object.values(names)) this.#special.set(name.toLowerCase(), disposition.drop)
    this.#special.set('connection', disposition.connection)
    this.#special.set('host', disposition.host)
    this.#special.set('authorization', disposition.authorization)
    this.#special.set('content-type', disposition.contentType)
    this.#special.set('transfer-encoding', disposition.transferEncoding)
    this.#special.set('referer', disposition.referer)
  }

  of(spelling: string): Disposition {
    const known = this.#bySpelling.get(spelling)
    if (known !== undefined) return known
    const decided = this.#decide(spelling)
    if (this.#bySpelling.size < maxSpellings) this.#bySpelling.set(spelling, decided)
    return decided
  }

  #decide(spelling: string): Disposition {
    // CGI, WSGI and PHP fold hyphens, underscores, dots and spaces into one sign, so that X_Roles would arrive as X-Roles.
    // A name of other characters than letters, digits and hyphens therefore never reaches a backend.
    if (!/^[A-Za-z0-9-]+$/.test(spelling)) return disposition.drop
    const name = spelling.toLowerCase()
    if (identityPrefixes.some((prefix) => name.startsWith(prefix))) return disposition.drop
    return this.#special.get(name) ?? disposition.forward
  }
}

/** Fields of a backend's response that belong to its connection to the gateway. */
export const hopByHopNames: ReadonlySet<string> = new Set(hopByHop)

/**
 * The fields, names and values in turn, without those that the Connection header lists: they too belong to that connection
 * alone. The usual headers list none, which is told without taking them to pieces.
 */
export function withoutListed(fields: string[], connection: string): string[] {
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return fields
  const listed = new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
  return fields.filter((_, index) => !listed.has((fields[index - (index % 2)] as string).toLowerCase()))
}
