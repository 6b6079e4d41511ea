import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { portsFrom } from '../../cli/platform.ts'

/** A port that was free a moment ago, for a program that cannot be told to choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * A port for `passerelle start` whose whole family is free. It is looked for below the ports that the system gives to
 * outgoing connections, of which the tests make thousands.
 */
export async function freePlatformPort(): Promise<number> {
  for (;;) {
    const base = 12_000 + 20 * Math.floor(Math.random() * 1_000)
    const isFree = await Promise.all(Object.values(portsFrom(base)).map(canListen))
    if (isFree.every(Boolean)) return base
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Waits until a program that was just started answers HTTP on this port. */
export async function untilAnswering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
      return
    } catch {
      await sleep(50)
    }
  }
  throw new Error(`nothing answers on port ${port}`)
}

/**
 * A port for a server that is to be started again on it. It is looked for below the ports that the system gives to
 * outgoing connections, one of which would otherwise have it when the server comes back.
 */
export async function freeLastingPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    if (given.has(port)) continue
    given.add(port)
    if (await canListen(port)) return port
  }
}

/** What was given out, and may not be listened on yet. */
const given = new Set<number>()
