/** Where a listener listens. Port 0 lets the system choose one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** What an address looks like, for error texts and documents. */
export const listenAddressRule =
  'must be HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080'

/** Reads `127.0.0.1:8080`, `localhost:8080` or `[::1]:8080`; `undefined` when the text is none of these. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text)
  if (match === null) return undefined
  const host = match[1] ?? match[2] ?? ''
  const port = Number(match[3])
  return port <= 65_535 ? { host, port } : undefined
}

/** Reads an address that a schema has checked before. Throws a `TypeError` that names the text when it is none. */
export function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text)
  if (address === undefined) throw new TypeError(`"${text}" is not an address: it ${listenAddressRule}`)
  return address
}

/** Writes an address as a URL's authority: an IPv6 address gets its brackets. */
export function formatAuthority(address: ListenAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
