import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { AnswerControl } from '../../gateway/backends/http1/answer-handler.ts'
import { BackendFailure } from '../../gateway/backends/http1/backend-failure.ts'
import { BackendRequestUnderWay } from '../../gateway/backends/http1/backend-request-under-way.ts'
import { ConnectionPool } from '../../gateway/backends/http1/connection-pool.ts'
import { connectionOpener } from '../../gateway/backends/http1/open-connection.ts'
import { type BodyFraming, renderRequestHead } from '../../gateway/backends/http1/request-head.ts'
import type { ResponseHead } from '../../gateway/backends/http1/response-parser.ts'

/** A pool before a backend that speaks bytes, and that backend's connections. */
export interface PoolUnderTest {
  readonly pool: ConnectionPool
  /** Every connection that was made, the first first. */
  readonly sockets: readonly Socket[]
  /** What came over each of them. */
  readonly received: readonly string[]
}

/** What a request became: an answer, or the kind of its failure. */
export interface Outcome {
  readonly status?: number
  readonly body: string
  readonly failure?: string
}

/** A request that is under way. */
export interface Asking {
  readonly control: AnswerControl
  readonly outcome: Promise<Outcome>
}

interface Asked {
  readonly method?: string
  readonly body?: Readable
  readonly framing?: BodyFraming
  readonly onHead?: (head: ResponseHead, control: AnswerControl) => void
}

/** Opens a pool to a backend that hears the bytes of each connection. */
export async function startPool(
  t: { teardown(work: () => unknown): void },
  hear: (text: string, socket: Socket, connection: number) => void,
  { maxConnections = 10, timeoutMs = 5_000 }: { maxConnections?: number; timeoutMs?: number } = {},
): Promise<PoolUnderTest> {
  const sockets: Socket[] = []
  const received: string[] = []
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1
    received.push('')
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      received[connection] += bytes.toString('latin1')
      hear(bytes.toString('latin1'), socket, connection)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const timeouts = { connectMs: timeoutMs, headMs: timeoutMs, idleMs: timeoutMs }
  const open = connectionOpener(new URL(`http://127.0.0.1:${port}`))
  const pool = new ConnectionPool({ open, timeouts, maxConnections })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await pool.close()
  })
  return { pool, sockets, received }
}

/** Sends a request through a pool. */
export function ask(
  pool: ConnectionPool,
  { method = 'GET', body = Readable.from([]), framing, onHead }: Asked = {},
): Asking {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  let status: number | undefined
  const parts: Buffer[] = []
  const end = (failure?: string) =>
    resolve({
      ...(status !== undefined && { status }),
      body: Buffer.concat(parts).toString('latin1'),
      ...(failure !== undefined && { failure }),
    })
  const control = new BackendRequestUnderWay({
    method,
    framing,
    head: renderRequestHead({ method, path: '/', host: 'backend', fields: [], framing }),
    body,
    handler: {
      onHead: (head, hold) => {
        status = head.status
        onHead?.(head, hold)
      },
      onBody: (bytes) => void parts.push(Buffer.from(bytes)),
      onEnd: () => end(),
      onError: (error) => end(error instanceof BackendFailure ? error.kind : error.message),
    },
  })
  pool.send(control)
  return { control, outcome: promise }
}
