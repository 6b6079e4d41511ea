import { PassThrough } from 'node:stream'
import { Pool } from 'undici'
import type { TimeoutSettings } from '../config/settings.ts'
import type { Exchange } from '../exchange.ts'
import { BackendCall } from './backend-call.ts'
import type { BackendRequest } from './backend-request.ts'

/** Most connections to one backend; further requests wait for one of them, each for its own head timeout at most. */
const maxConnections = 1_024

/** A service behind the gateway, with its kept connections. */
export class Backend {
  readonly #pool: Pool
  readonly #basePath: string
  readonly #idleMs: number

  constructor(url: string, timeouts: TimeoutSettings) {
    const { origin, pathname } = new URL(url)
    this.#basePath = pathname.endsWith('/') ? pathname.slice(0, -1) : pathname
    this.#idleMs = timeouts.idleMs
    this.#pool = new Pool(origin, {
      connections: maxConnections,
      pipelining: 1,
      connect: { timeout: timeouts.connectMs },
      headersTimeout: timeouts.headMs,
      bodyTimeout: timeouts.idleMs,
    })
  }

  /** Forwards the client's request and streams the answer back; failures go to the exchange's error handler. */
  forward(exchange: Exchange, request: BackendRequest): void {
    const call = new BackendCall(exchange, request, this.#idleMs)
    exchange.backendCall = call
    this.#pool.dispatch(
      {
        method: exchange.request.method ?? 'GET',
        path: this.#basePath + request.path,
        headers: request.headers.fields,
        body: hasBody(exchange) ? detachedBody(exchange) : null,
      },
      request.watch === undefined ? call : request.watch.attend(exchange, call),
    )
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
}

/** A request has a body when it says how it is framed (RFC 9112 §6). */
function hasBody({ request }: Exchange): boolean {
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/**
 * The request's body as a stream of its own. The HTTP client destroys the body it was given when a backend answers
 * early; destroying the request itself would take the client's connection, and the answer with it. What of the body is
 * still to come once the answer is out is read and thrown away, else the connection would stand still for good.
 */
function detachedBody({ request, response }: Exchange): PassThrough {
  const isAsking = request.headers.expect?.toLowerCase() === '100-continue'
  if (isAsking && request.httpVersion === '1.1') response.writeContinue()
  const body = request.pipe(new PassThrough())
  response.once('finish', () => {
    request.unpipe(body)
    request.resume()
    body.destroy()
  })
  return body
}
