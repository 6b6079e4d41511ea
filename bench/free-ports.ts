import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'

/** So many ports of the loopback address that nobody listens on at the moment. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held at once, so that no port is given out twice.
  const servers = await Promise.all(Array.from({ length: count }, holdPort))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function holdPort(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
