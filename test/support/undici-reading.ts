import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Client } from 'undici'

/** What undici heard of a response; pieces of its body are joined. */
export interface UndiciReading {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
  readonly isEnded: boolean
}

/** A server that answers a request for `/3` with the bytes of the third response, and closes the connection. */
export async function serveResponses(responses: readonly Buffer[]): Promise<Server> {
  const server = createServer((socket) => {
    let request = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1')
      if (!request.includes('\r\n\r\n')) return
      const index = Number(/^\S+ \/(\d+) /.exec(request)?.[1])
      socket.end(responses[index] ?? Buffer.alloc(0))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Asks a server, over a connection of its own, for a response as undici reads it. */
export async function readWithUndici(server: Server, method: string, path: string): Promise<UndiciReading> {
  const { port } = server.address() as AddressInfo
  const client = new Client(`http://127.0.0.1:${port}`)
  const bodies: Buffer[] = []
  const fields: string[] = []
  let status = 0
  const isEnded = await new Promise<boolean>((resolve) =>
    client.dispatch(
      { method, path },
      {
        onRequestStart() {},
        onResponseStart(controller, code) {
          if (code < 200) return
          status = code
          const raw = controller.rawHeaders as readonly Buffer[]
          fields.push(...raw.map((part) => part.toString('latin1')))
        },
        onResponseData: (_controller, chunk) => bodies.push(Buffer.from(chunk)),
        onResponseEnd: () => resolve(true),
        onResponseError: () => resolve(false),
      },
    ),
  )
  await client.destroy()
  return { status, fields, body: Buffer.concat(bodies).toString('latin1'), isEnded }
}
