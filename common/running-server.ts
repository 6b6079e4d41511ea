import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { formatAuthority, type ListenAddress } from './listen-address.ts'

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, with the port that the system gave: `http://127.0.0.1:8080`. */
  readonly url: string
  /** Stops accepting, finishes what runs, and releases what the server holds. */
  close(): Promise<void>
}

/** A listener that could not be opened; its message is one line for the person who started it. */
export class ListenError extends Error {
  constructor(what: string, address: ListenAddress, reason: string) {
    super(`${what} cannot listen on ${formatAuthority(address)}: ${reason}`)
    this.name = 'ListenError'
  }
}

/** What is said of the commonest reasons why a port cannot be had. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken. Stop what listens there, or choose another port',
  EACCES: 'this user may not use the port. Choose one from 1024 up',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is not known',
}

/** Opens the application's listener. Throws {@link ListenError} when the address cannot be had. */
export async function startListening(
  app: FastifyInstance,
  address: ListenAddress,
  what: string,
): Promise<RunningServer> {
  try {
    await app.listen({ host: address.host, port: address.port })
  } catch (error) {
    await app.close()
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = reasons[code]
    if (reason === undefined) throw error
    throw new ListenError(what, address, reason)
  }
  const { port } = app.server.address() as AddressInfo
  return { url: `http://${formatAuthority({ host: address.host, port })}`, close: () => app.close() }
}
