import type { TimeoutSettings } from '../config/settings.ts'
import type { Exchange } from '../exchange.ts'
import { BackendCall } from './backend-call.ts'
import type { BackendRequest } from './backend-request.ts'
import { BackendRequestUnderWay } from './http1/backend-request-under-way.ts'
import { ConnectionPool } from './http1/connection-pool.ts'
import { connectionOpener } from './http1/open-connection.ts'
import { framingOf } from './http1/request-body.ts'
import { renderRequestHead } from './http1/request-head.ts'

/** A service behind the gateway, with its kept connections. */
export class Backend {
  readonly #pool: ConnectionPool
  readonly #host: string
  readonly #basePath: string
  readonly #idleMs: number

  constructor(url: string, timeouts: TimeoutSettings) {
    const origin = new URL(url)
    this.#host = origin.host
    this.#basePath = origin.pathname.endsWith('/') ? origin.pathname.slice(0, -1) : origin.pathname
    this.#idleMs = timeouts.idleMs
    this.#pool = new ConnectionPool({ open: connectionOpener(origin), timeouts })
  }

  /** Forwards the client's request and streams the answer back; failures go to the exchange's error handler. */
  forward(exchange: Exchange, request: BackendRequest): void {
    const call = new BackendCall(exchange, request, this.#idleMs)
    const method = exchange.request.method ?? 'GET'
    const framing = framingOf(exchange.request)
    const underWay = new BackendRequestUnderWay({
      method,
      framing,
      head: renderRequestHead({
        method,
        path: this.#basePath + request.path,
        host: this.#host,
        fields: request.headers.fields,
        framing,
      }),
      body: exchange.request,
      handler: request.watch === undefined ? call : request.watch.attend(exchange, call),
    })
    exchange.backendCall = underWay
    if (underWay.hasBody) allowBody(exchange)
    this.#pool.send(underWay)
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/**
 * Tells a client that asks first to go on. What of its body is still to come once the answer is out is read and thrown
 * away, else its connection would stand still for good.
 */
function allowBody({ request, response }: Exchange): void {
  const isAsking = request.headers.expect?.toLowerCase() === '100-continue'
  if (isAsking && request.httpVersion === '1.1') response.writeContinue()
  response.once('finish', () => request.resume())
}
