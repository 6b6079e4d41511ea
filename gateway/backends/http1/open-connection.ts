import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { BackendConnection } from './backend-connection.ts'

/** Opens a connection, which can be written to at once. */
export type ConnectionOpener = (wrap: (socket: Socket) => BackendConnection) => BackendConnection

/**
 * What a plain connection reads into, all of them in turn: it is read before the next one does. A buffer for each read
 * would be garbage at once.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** Opens connections to the origin of a URL, over TLS for https. The certificate is always verified. */
export function connectionOpener({ protocol, hostname, port }: URL): ConnectionOpener {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return protocol === 'https:' ? openTls(host, Number(port || 443)) : openPlain(host, Number(port || 80))
}

function openPlain(host: string, port: number): ConnectionOpener {
  return (wrap) => {
    let connection: BackendConnection | undefined
    const onread = {
      buffer: readBuffer,
      callback: (length: number) => {
        connection?.read(readBuffer.subarray(0, length))
        return true
      },
    }
    const socket = connect({ host, port, noDelay: true, onread }, () => connection?.onConnected())
    connection = wrap(socket)
    return connection
  }
}

function openTls(host: string, port: number): ConnectionOpener {
  // A name is needed for the certificate, and an address must not be sent as one (RFC 6066 §3).
  const servername = isIP(host) === 0 ? host : ''
  let session: Buffer | undefined
  return (wrap) => {
    const socket = connectTls({
      host,
      port,
      servername,
      ALPNProtocols: ['http/1.1'],
      ...(session && { session }),
    })
    const connection = wrap(socket)
    socket.setNoDelay(true)
    socket.on('session', (next) => {
      session = next
    })
    socket.once('secureConnect', () => connection.onConnected())
    socket.on('data', (bytes) => connection.read(bytes))
    return connection
  }
}
