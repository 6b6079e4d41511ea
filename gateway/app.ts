import { randomBytes } from 'node:crypto'
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { ClientAddresses } from '../common/client-address.ts'
import type { Logger } from '../common/log.ts'
import type { TimeoutSettings } from './config/settings.ts'
import { type ErrorCode, GatewayError } from './errors.ts'
import { type ErrorHandler, Exchange } from './exchange.ts'
import { type Gateway, handleRequest } from './handle-request.ts'

/** Hears of each request once its answer is out or its client gone. */
export type ExchangeListener = (exchange: Exchange) => void

interface AppContext {
  readonly gateway: Gateway
  readonly addresses: ClientAddresses
  readonly timeouts: TimeoutSettings
  readonly log: Logger
  readonly onDone: ExchangeListener
}

/** A client that trickles its headers gets this long; the body has the request's own timeout. */
const headersTimeoutMs = 15_000

/** Most connections of clients at once; what comes beyond is closed at once instead of starving the others. */
const maxConnections = 16_384

/** What is forwarded. Others have no place behind a gateway: TRACE would echo the identity headers to the client. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']

/** The public listener: one catch-all route, bodies passed through unread, one error handler. */
export function createApp(context: AppContext): FastifyInstance {
  const { gateway, timeouts, log } = context
  const arrive = createArrivals(context)
  const app = fastify({
    logger: false,
    // A missing Host header is for the request path to refuse, in the form of all its refusals.
    http: {
      // Node holds a request to the longer of the two.
      headersTimeout: Math.min(headersTimeoutMs, timeouts.requestMs),
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
    },
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    // The path splits the target itself; what Fastify would make of the query is never looked at.
    routerOptions: { querystringParser: () => ({}) },
    frameworkErrors: (_error, request, reply) =>
      arrive(request, reply).fail(new GatewayError('path-ambiguous')),
    clientErrorHandler: (error, socket) => refuseConnection(log, error, socket),
    // What arrives on an open connection while the gateway stops is answered like anything else, and told to close.
    return503OnClosing: false,
  })
  app.server.maxConnections = maxConnections
  app.route({
    method: methods,
    url: '*',
    exposeHeadRoute: false,
    // The request is handled before Fastify would read its body, which belongs to the backend.
    onRequest: (request, reply) => {
      const exchange = arrive(request, reply)
      try {
        handleRequest(gateway, exchange)
      } catch (error) {
        exchange.fail(error)
      }
    },
    handler: () => undefined,
  })
  app.setNotFoundHandler((request, reply) => arrive(request, reply).fail(methodRefused()))
  app.server.on('connect', (_request, socket) => refuseTunnel(socket))
  // A client that asks before it sends its body is told to go on only when the request is forwarded; what else it may
  // expect is not heeded (RFC 9110 §10.1.1).
  for (const event of ['checkContinue', 'checkExpectation'])
    app.server.on(event, (request, response) => app.server.emit('request', request, response))
  return app
}

function methodRefused(): GatewayError {
  return new GatewayError('method-refused', { headers: ['Allow', methods.join(', ')] })
}

/** Takes a request over from Fastify, and has the listener told when it is over. */
function createArrivals({
  addresses,
  log,
  onDone,
}: AppContext): (request: FastifyRequest, reply: FastifyReply) => Exchange {
  const onError = createErrorHandler(log)
  const idPrefix = randomBytes(6).toString('base64url')
  let count = 0

  // One function for all responses: a closure for each would cost as much as the rest of the arrival.
  function onClose(this: TrackedResponse): void {
    const exchange = this[exchangeOf]
    if (exchange === undefined) return
    if (!this.writableFinished) exchange.backendCall?.abort()
    if (exchange.request.complete) leave(exchange.request.socket)
    onDone(exchange)
  }

  return (request, reply) => {
    reply.hijack()
    count += 1
    const requestId = `${idPrefix}-${count.toString(36)}`
    const clientAddress = addresses.of(request.raw)
    const scheme = addresses.schemeOf(request.raw)
    const origin = { request: request.raw, response: reply.raw, requestId, clientAddress, scheme, onError }
    const exchange = new Exchange(origin)
    const response: TrackedResponse = reply.raw
    response[exchangeOf] = exchange
    response.on('close', onClose)
    enter(request.raw.socket)
    return exchange
  }
}

const exchangeOf = Symbol('the exchange of a response')

type TrackedResponse = ServerResponse & { [exchangeOf]?: Exchange }

const underWay = Symbol('the requests of a connection that are not over')

type TrackedSocket = Socket & { [underWay]?: number }

/** A request is over when it has arrived whole and its answer is out; one that never arrives whole is never over. */
function enter(socket: TrackedSocket): void {
  socket[underWay] = (socket[underWay] ?? 0) + 1
}

function leave(socket: TrackedSocket): void {
  socket[underWay] = (socket[underWay] ?? 1) - 1
}

/** The one place where a failure becomes an answer: a problem document (RFC 9457) that no cache keeps. */
function createErrorHandler(log: Logger): ErrorHandler {
  return (exchange, error) => {
    const failure =
      error instanceof GatewayError ? error : new GatewayError('internal-error', { cause: error })
    exchange.errorCode = failure.code
    if (failure.status >= 500) logFailure(log, exchange, failure)
    const { response, requestId } = exchange
    // A response that has begun cannot be taken back: cut, it does not look complete (RFC 9112 §8).
    if (response.headersSent) {
      response.destroy()
      return
    }
    const body = JSON.stringify(failure.toProblem(requestId))
    response.writeHead(failure.status, [
      ...failure.headers,
      ...problemFields(body),
      'X-Request-Id',
      requestId,
    ])
    response.end(body)
  }
}

function logFailure(log: Logger, exchange: Exchange, failure: GatewayError): void {
  const { cause } = failure
  const reason =
    cause instanceof Error ? (failure.code === 'internal-error' ? cause.stack : cause.message) : undefined
  log.error({ request_id: exchange.requestId, route: exchange.routePrefix, error: failure.code, reason })
}

/**
 * Answers what never became a request: Node's parser gave up on it, or its client was too slow. While a request before it
 * is not over, there is no place for an answer: it would stand in the middle of another, or be taken for it.
 */
function refuseConnection(log: Logger, error: ClientError, socket: TrackedSocket): void {
  if (error.code === 'ECONNRESET' || (socket[underWay] ?? 0) > 0) {
    socket.destroy()
    return
  }
  const failure = new GatewayError(parserFailures[error.code ?? ''] ?? 'request-malformed')
  // The parser's own message may quote the request; its code does not.
  log.info({ status: failure.status, address: socket.remoteAddress, error: failure.code, reason: error.code })
  refuse(socket, failure)
}

/** Refuses CONNECT. Node hands its socket over without a listener or a timeout, so that nothing else would end it. */
function refuseTunnel(socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.resume()
  refuse(socket, methodRefused())
}

/** Answers on the bare connection, and ends it. */
function refuse(socket: Duplex, failure: GatewayError): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify(failure.toProblem())
  const fields = [...failure.headers, ...problemFields(body), 'Connection', 'close']
  const head = fields.map((part, index) => (index % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('')
  const reason = STATUS_CODES[failure.status]
  socket.end(`HTTP/1.1 ${failure.status} ${reason}\r\n${head}\r\n${body}`)
}

interface ClientError extends Error {
  readonly code?: string
}

const parserFailures: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
}

function problemFields(body: string): readonly string[] {
  const length = String(Buffer.byteLength(body))
  return ['Content-Type', 'application/problem+json', 'Content-Length', length, 'Cache-Control', 'no-store']
}
