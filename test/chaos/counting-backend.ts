import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Owner } from '../support/owner.ts'

/** A backend that knows of every request that was admitted, because it counts it before it answers. */
export interface CountingBackend {
  readonly url: string
  /** Admitted requests of a client by the gateway process that let them through. */
  admitted(client: string): ReadonlyMap<string, number>
}

/** Expects the process's name as the last part of the path, and the client's where gateways inject it. */
export async function startCountingBackend(owner: Owner): Promise<CountingBackend> {
  const counts = new Map<string, Map<string, number>>()
  const server = createServer((request, response) => {
    const client = String(request.headers['x-client-id'])
    const process = request.url?.split('/').at(-1) ?? ''
    const ofClient = counts.get(client) ?? new Map<string, number>()
    counts.set(client, ofClient)
    ofClient.set(process, (ofClient.get(process) ?? 0) + 1)
    request.resume()
    response.end('counted')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owner.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, admitted: (client) => counts.get(client) ?? new Map() }
}
