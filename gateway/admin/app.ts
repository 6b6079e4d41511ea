import fastify, { type FastifyInstance } from 'fastify'

interface AdminContext {
  /** False once the gateway drains: a balancer then sends its requests elsewhere. */
  isReady(): boolean
  readonly metrics: { readonly contentType: string; render(): Promise<string> }
}

/** The second listener: for operators and their probes, never for clients. */
export function createAdminApp({ isReady, metrics }: AdminContext): FastifyInstance {
  const app = fastify({
    logger: false,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    bodyLimit: 1_024,
    // While the gateway drains, its probes are still answered.
    return503OnClosing: false,
  })
  app.get('/healthz', (_request, reply) => reply.send({ status: 'up' }))
  app.get('/readyz', (_request, reply) =>
    isReady() ? reply.send({ status: 'ready' }) : reply.code(503).send({ status: 'draining' }),
  )
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()))
  return app
}
