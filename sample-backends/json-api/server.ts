import { type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import type { Logger } from '../../common/log.ts'
import { internalError, JsonApiError, malformedRequest, methodNotAllowed, unknownResource } from './errors.ts'
import { jsonApiMediaType, negotiate } from './media-type.ts'
import type { DataDocument } from './resource.ts'

/**
 * Fastify's own defaults let a client hold a connection for ever. The keep-alive time must outlast the gateway's, so
 * that it is the gateway that drops an idle connection: otherwise a request can meet one that is just being closed.
 */
const limits = {
  requestTimeout: 10_000,
  connectionTimeout: 30_000,
  keepAliveTimeout: 75_000,
  bodyLimit: 1_024,
} as const

/** What one server of read-only resources is made of. */
export interface JsonApiServerParts {
  readonly log: Logger
  /** Names of the request headers that decide the answer. */
  readonly vary: readonly string[]
  /** Adds the routes. */
  readonly addRoutes: (api: FastifyInstance) => void
}

/** A Fastify server whose every answer, failures included, is a JSON:API 1.1 document; it can only be read. */
export function createJsonApiServer({ log, vary, addRoutes }: JsonApiServerParts): FastifyInstance {
  const varyHeader = vary.join(', ')
  const app = fastify({
    ...limits,
    requestIdHeader: 'x-request-id',
    // Hooks do not run for a path that cannot be decoded.
    frameworkErrors: (_error, _request, reply) =>
      sendError(reply.header('Vary', varyHeader), malformedRequest()),
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('Vary', varyHeader)
    // Nothing here can be written, so the method is judged before the path.
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  })
  addErrorHandlers(app, log)
  addRequestLog(app, log)
  app.get('/healthz', (_request, reply) => reply.header('Cache-Control', 'no-store').send({ status: 'ok' }))
  app.register(async (api) => {
    api.addHook('onRequest', async (request) => negotiate(request.headers))
    addRoutes(api)
  })
  return app
}

/** Sends a document. `Vary` tells what it depends on, so that a shared cache may keep it. */
export function sendDocument(reply: FastifyReply, document: DataDocument): FastifyReply {
  return sendJson(reply.header('Cache-Control', 'max-age=60, public, s-maxage=60'), document)
}

function sendError(reply: FastifyReply, error: JsonApiError): FastifyReply {
  if (error.status === 405) reply.header('Allow', 'GET, HEAD')
  return sendJson(reply.code(error.status).header('Cache-Control', 'no-store'), error.document)
}

/** Bytes are sent as they are; to a text's media type Fastify would add a charset, which JSON:API forbids. */
function sendJson(reply: FastifyReply, document: object): FastifyReply {
  return reply.header('Content-Type', jsonApiMediaType).send(Buffer.from(JSON.stringify(document)))
}

function addErrorHandlers(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((_request, reply) => sendError(reply, unknownResource()))
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof JsonApiError) return sendError(reply, error)
    log.error({ requestId: request.id, err: error }, 'request failed')
    return sendError(reply, internalError())
  })
}

/** The log names the route's pattern, never the URL: what a caller looks for is nobody's business. */
function addRequestLog(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    log.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
      },
      'request answered',
    )
  })
}
