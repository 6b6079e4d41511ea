import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify'
import type { Logger } from '../common/log.ts'
import { authorize, authorizeByForm } from './endpoints/authorize.ts'
import { consent } from './endpoints/consent.ts'
import { allowBrowsers } from './endpoints/cors.ts'
import type { Endpoint, EndpointServices } from './endpoints/exchange.ts'
import { healthz } from './endpoints/healthz.ts'
import { introspect } from './endpoints/introspect.ts'
import { jwks } from './endpoints/jwks.ts'
import { announceSunset, legacyGetToken } from './endpoints/legacy-get-token.ts'
import { login } from './endpoints/login.ts'
import { askToSignOut, logout } from './endpoints/logout.ts'
import { metadata, metadataByPath } from './endpoints/metadata.ts'
import { type PageAnswer, type PageEndpoint, sendPage } from './endpoints/page-answer.ts'
import { revoke } from './endpoints/revoke.ts'
import { token } from './endpoints/token.ts'
import { verifToken } from './endpoints/verif-token.ts'
import { type Refusal, RequestRefused, refusalBody, refusals } from './errors.ts'
import { publishedForS } from './keys/key-schedule.ts'
import { isStoreUnavailable } from './store/unavailable.ts'

/** An endpoint's one method, and for how many seconds its answer may be kept; not at all where nothing is said. */
interface Place {
  readonly method: 'GET' | 'POST'
  readonly answer: Endpoint
  readonly maxAgeS?: number
}

/** Every endpoint. */
const endpoints: Readonly<Record<string, Place>> = {
  '/oauth/token': { method: 'POST', answer: token },
  '/oauth/revoke': { method: 'POST', answer: revoke },
  '/oauth/verifToken': { method: 'GET', answer: verifToken },
  '/oauth/introspect': { method: 'POST', answer: introspect },
  '/.well-known/oauth-authorization-server': { method: 'GET', answer: metadata, maxAgeS: publishedForS },
  '/.well-known/oauth-authorization-server/*': {
    method: 'GET',
    answer: metadataByPath,
    maxAgeS: publishedForS,
  },
  '/.well-known/jwks.json': { method: 'GET', answer: jwks, maxAgeS: publishedForS },
  '/healthz': { method: 'GET', answer: healthz },
}

/** Every page for users' browsers, by its method. */
const pages: Readonly<Record<string, Readonly<Partial<Record<'GET' | 'POST', PageEndpoint>>>>> = {
  '/oauth/authorize': { GET: authorize, POST: authorizeByForm },
  '/oauth/login': { POST: login },
  '/oauth/consent': { POST: consent },
  '/oauth/logout': { GET: askToSignOut, POST: logout },
}

const maxBodyBytes = 8_192
const maxHeaderBytes = 16_384

/** Fastify's own default for the first three is 0, which is no limit at all. */
const timeouts = {
  requestTimeout: 10_000,
  connectionTimeout: 30_000,
  /** Longer than a gateway keeps an idle connection, so that it is the caller who closes. */
  keepAliveTimeout: 75_000,
}

/** The authorization server's HTTP side. It logs one line a request, and never a URL, a header or a body. */
export function buildApp(services: EndpointServices, log: Logger): FastifyInstance {
  const app = fastify({
    ...timeouts,
    bodyLimit: maxBodyBytes,
    http: { maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: 5_000 },
    // HEAD on verifToken is no use to anybody, and a HEAD that mints would be harm.
    exposeHeadRoutes: false,
    logger: false,
    frameworkErrors: (_error, _request, reply) =>
      void refuse(forbidCaching(reply), refusals.malformedRequest),
    clientErrorHandler: refuseConnection,
  })
  parseFormsOnly(app)
  logRequests(app, log)
  app.addHook('onRequest', (_request, reply, done) => {
    forbidCaching(reply)
    done()
  })
  allowBrowsers(app, Object.keys(endpoints))
  for (const [url, { method, answer, maxAgeS }] of Object.entries(endpoints))
    app.route({
      method,
      url,
      handler: async (request, reply) => {
        const body = await answer(request, services)
        if (maxAgeS !== undefined) allowCaching(reply, maxAgeS)
        return body
      },
    })
  routePages(app, services, log)
  serveLegacyGetToken(app, services)
  app.setNotFoundHandler(refusePlace)
  app.setErrorHandler((error: Error, request, reply) => refuse(reply, refusalOf(error, request, log)))
  return app
}

/** A page's failures are pages too, those of reading its body among them. */
function routePages(app: FastifyInstance, services: EndpointServices, log: Logger): void {
  const send = (request: FastifyRequest, reply: FastifyReply, making: Promise<PageAnswer>) =>
    sendPage(reply, making, {
      issuer: services.issuer(),
      refusalOf: (error) => refusalOf(error, request, log),
    })
  for (const [url, answers] of Object.entries(pages))
    for (const [method, answer] of Object.entries(answers))
      app.route({
        method,
        url,
        handler: (request, reply) => send(request, reply, answer(request, services)),
        errorHandler: (error: Error, request, reply) => void send(request, reply, Promise.reject(error)),
      })
}

/** Beside the POST of the same place, and only where it is switched on. HEAD stays refused: it would mint unseen. */
function serveLegacyGetToken(app: FastifyInstance, services: EndpointServices): void {
  const sunsetMs = services.legacyGetToken?.sunsetMs
  if (sunsetMs === undefined) return
  app.get('/oauth/token', {
    onRequest: async (_request, reply) => announceSunset(reply, sunsetMs),
    handler: (request) => legacyGetToken(request, services),
  })
}

/** A form's bytes are kept for the strict parser. Any other body is left unread, and the endpoint refuses it. */
function parseFormsOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (_request, bytes, done) => done(null, bytes),
  )
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
}

function logRequests(app: FastifyInstance, log: Logger): void {
  app.decorateRequest('clientId', '')
  app.addHook('onResponse', (request, reply, done) => {
    log.info(
      {
        method: request.method,
        // The route's own path: an unknown path may hold anything, a token among it.
        path: request.routeOptions.url ?? '(unknown)',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        client_id: request.getDecorator<string>('clientId') || undefined,
      },
      'request',
    )
    done()
  })
}

/** RFC 6749 §5.1 asks this of token answers; here it holds for every answer that is not public. */
function forbidCaching(reply: FastifyReply): FastifyReply {
  return reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
}

function allowCaching(reply: FastifyReply, maxAgeS: number): void {
  reply.removeHeader('pragma').header('cache-control', `public, max-age=${maxAgeS}`)
}

/** Answers where no route is: a known endpoint with another method, or an unknown path, which is not repeated. */
function refusePlace(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = (request.raw.url ?? '').replace(/\?.*$/s, '')
  const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path]?.method : undefined
  const page = Object.hasOwn(pages, path) ? Object.keys(pages[path] ?? {}).join(', ') : undefined
  const allowed = endpoint ?? page
  if (allowed === undefined) return refuse(reply, refusals.notFound)
  return refuse(reply.header('allow', allowed), refusals.methodNotAllowed)
}

function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply
    .code(refusal.status)
    .headers(refusal.headers ?? {})
    .send(refusalBody(refusal))
}

/** The one place where a failure becomes what a client sees. */
function refusalOf(error: Error, request: FastifyRequest, log: Logger): Refusal {
  if (error instanceof RequestRefused) return error.refusal
  const status = (error as Partial<FastifyError>).statusCode ?? 500
  if (status === 413) return refusals.bodyTooLarge
  if (status < 500) return refusals.malformedRequest
  log.error({ path: request.routeOptions.url, reason: error.message, stack: error.stack }, 'request failed')
  return isStoreUnavailable(error) ? refusals.unavailable : refusals.serverError
}

const refusalByConnectionError: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: refusals.headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: refusals.requestTimeout,
}

/** Answers what is not HTTP. Nothing of it is repeated or logged. */
function refuseConnection(error: { readonly code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const refusal = refusalByConnectionError[error.code] ?? refusals.malformedRequest
  const body = JSON.stringify(refusalBody(refusal))
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
