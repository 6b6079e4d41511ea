/** How a Redis (or Valkey) is reached: one server, one found by Sentinels, or a Cluster. */
export type RedisTopology = 'standalone' | 'sentinel' | 'cluster'

/** Where quotas and tokens are kept. */
export type StoreLocation = { readonly kind: 'memory' } | RedisLocation

export interface RedisLocation {
  readonly kind: 'redis'
  readonly topology: RedisTopology
  /** The server, the Sentinels, or some of the Cluster's nodes. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly isTls: boolean
  /** ACL user and password; empty when the URL names none. */
  readonly username: string
  readonly password: string
  /** The name under which the Sentinels know the primary; empty without Sentinels. */
  readonly primaryName: string
  /** Number of the database; a Cluster has only 0. */
  readonly database: number
}

/** What a store URL looks like, for error texts and documents. */
export const storeUrlRule =
  'must be memory, redis://HOST:PORT/DATABASE, redis+sentinel://HOST:PORT,HOST:PORT/PRIMARY/DATABASE or redis+cluster://HOST:PORT,HOST:PORT; with rediss for TLS, and USER:PASSWORD@ in front of the hosts where needed'

const urlPattern =
  /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^\s:@/]*)(?::([^\s@/]*))?@)?([^\s@/?#]+)(?:\/([^\s?#]*))?$/

const defaultPorts = { standalone: 6_379, sentinel: 26_379, cluster: 6_379 } as const

/** Reads a store URL; `undefined` when it is none. */
export function parseStoreUrl(text: string): StoreLocation | undefined {
  if (text === 'memory') return { kind: 'memory' }
  const match = urlPattern.exec(text)
  if (match === null) return undefined
  const [, tls, kind = 'standalone', user = '', secret = '', hostList = '', path = ''] = match
  const topology = kind as RedisTopology
  const hosts = hostList.split(',').map((host) => parseHost(host, defaultPorts[topology]))
  const place = parsePath(topology, path)
  const [username, password] = [decode(user), decode(secret)]
  const isWhole = hosts.every((host) => host !== undefined)
  if (!isWhole || place === undefined || username === undefined || password === undefined) return undefined
  if (topology === 'standalone' && hosts.length > 1) return undefined
  return { kind: 'redis', topology, hosts, isTls: tls === 's', username, password, ...place }
}

/** Reads a store URL that a schema has checked before. Throws a `TypeError` when it is none; it may hold a password. */
export function storeLocation(text: string): StoreLocation {
  const location = parseStoreUrl(text)
  if (location === undefined) throw new TypeError(`the store URL ${storeUrlRule}`)
  return location
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  return port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined
}

/** What follows the hosts: the database; with Sentinels first the primary's name; in a Cluster nothing. */
function parsePath(
  topology: RedisTopology,
  path: string,
): { primaryName: string; database: number } | undefined {
  const [primaryName = '', number = ''] = topology === 'sentinel' ? path.split('/') : ['', path]
  if (topology === 'sentinel' && (!/^[\w.-]+$/.test(primaryName) || path.split('/').length > 2))
    return undefined
  if (!/^\d{0,4}$/.test(number) || (topology === 'cluster' && Number(number) !== 0)) return undefined
  return { primaryName, database: Number(number) }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
