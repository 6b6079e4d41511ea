import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Most entries of `X-Forwarded-For` that are looked at, from the end: more proxies than any real way has. */
const maxHops = 20

/** Longer than any address with a port. */
const maxEntryLength = 64

/** By which scheme a client asks. */
export type Scheme = 'http' | 'https'

/**
 * Tells from which address a request comes, and by which scheme, where balancers that are named in the configuration may
 * stand before it.
 */
export class ClientAddresses {
  readonly #trusted: BlockList | undefined

  /** @param trustedProxies Addresses and networks, such as `10.0.0.0/8`. */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = trustedProxies.length === 0 ? undefined : blockListOf(trustedProxies)
  }

  /**
   * The address of the connection; or, where that is a trusted proxy's, the last in `X-Forwarded-For` that is none of them:
   * what stands before it was written by who knows whom. Where the field cannot be read that far, the connection's.
   */
  of(request: IncomingMessage): string {
    const own = addressOfSocket(request.socket.remoteAddress)
    if (this.#trusted === undefined || !isTrusted(this.#trusted, own)) return own
    const forwarded = request.headers['x-forwarded-for']
    // Node joins repeated fields by commas, so that there is one text.
    return typeof forwarded === 'string' ? lastUntrusted(forwarded, this.#trusted, own) : own
  }

  /**
   * The scheme of the connection; or, where that is a trusted proxy's, the one that `X-Forwarded-Proto` names, in lower
   * case. A list is not taken to pieces: unlike addresses, its entries do not tell which of them a client wrote.
   */
  schemeOf({ headers, socket }: IncomingMessage): Scheme {
    const own = (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
    const forwarded = headers['x-forwarded-proto']
    if (this.#trusted === undefined || typeof forwarded !== 'string') return own
    const scheme = forwarded.toLowerCase()
    if (scheme !== 'http' && scheme !== 'https') return own
    return isTrusted(this.#trusted, addressOfSocket(socket.remoteAddress)) ? scheme : own
  }
}

function lastUntrusted(forwarded: string, trusted: BlockList, own: string): string {
  let end = forwarded.length
  let farthest = own
  for (let hop = 0; hop < maxHops; hop += 1) {
    const comma = forwarded.lastIndexOf(',', end - 1)
    const address = addressOf(forwarded.slice(comma + 1, end))
    if (address === undefined) return own
    if (!isTrusted(trusted, address)) return address
    farthest = address
    if (comma === -1) return farthest
    end = comma
  }
  return own
}

/** An entry is an address, with a port where a proxy adds one, and then in brackets if it is IPv6. */
function addressOf(entry: string): string | undefined {
  if (entry.length > maxEntryLength) return undefined
  const text = entry.trim()
  const withPort = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(text)
  return canonicalAddress(withPort?.[1] ?? withPort?.[2] ?? text)
}

/** One spelling for each address; `undefined` for what is none. */
function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  if (!isIPv6(text) || text.includes('%')) return undefined
  return withoutMapping(new SocketAddress({ address: text, family: 'ipv6' }).address)
}

/** The system writes an address in one spelling already, with the zone of one that holds on one link only. */
function addressOfSocket(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const zone = address.indexOf('%')
  return withoutMapping(zone === -1 ? address : address.slice(0, zone))
}

/** A socket that takes both families shows IPv4 addresses mapped into IPv6 (RFC 4291 §2.5.5.2). */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function isTrusted(trusted: BlockList, address: string): boolean {
  return trusted.check(address, familyOf(address))
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = familyOf(address)
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

/**
 * What counts as one where addresses are counted: an IPv4 address, and the first 64 bits of an IPv6 address, since one
 * household or machine has all the others to choose from.
 */
export function countedNetwork(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::', 2)
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  if (tail !== undefined) while (groups.length + rest.length < 8) groups.push('0')
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`
}
