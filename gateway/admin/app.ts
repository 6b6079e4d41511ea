import fastify, { type FastifyInstance } from 'fastify'
import { addEventEndpoint, type EventEndpointContext } from './events.ts'
import { addRevocationEndpoint, type RevocationEndpointContext } from './revocations.ts'

interface AdminContext {
  /** False once the gateway drains: a balancer then sends its requests elsewhere. */
  isReady(): boolean
  readonly metrics: { readonly contentType: string; render(): Promise<string> }
  readonly revocations: RevocationEndpointContext
  readonly events: EventEndpointContext
}

/** Most connections at once: operators, probes and senders of events are few. */
const maxConnections = 256

/** The second listener: for operators, their probes and whoever revokes tokens, never for clients. */
export function createAdminApp({ isReady, metrics, revocations, events }: AdminContext): FastifyInstance {
  const app = fastify({
    logger: false,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    bodyLimit: 1_024,
    // While the gateway drains, its probes are still answered.
    return503OnClosing: false,
  })
  app.server.maxConnections = maxConnections
  app.get('/healthz', (_request, reply) => reply.send({ status: 'up' }))
  app.get('/readyz', (_request, reply) =>
    isReady() ? reply.send({ status: 'ready' }) : reply.code(503).send({ status: 'draining' }),
  )
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()))
  // Each within its own scope: what it parses and how it refuses is nobody else's.
  app.register(async (scope) => addRevocationEndpoint(scope, revocations))
  app.register(async (scope) => addEventEndpoint(scope, events))
  return app
}
