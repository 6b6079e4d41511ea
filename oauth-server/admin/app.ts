import swagger from '@fastify/swagger'
import { fastify } from 'fastify'
import type { Logger } from '../../common/log.ts'
import { addAudit } from './audit.ts'
import { authorize } from './authorize.ts'
import { addClients } from './clients.ts'
import { addOperational } from './operational.ts'
import { refuseUnknownPlaces } from './places.ts'
import { addPlans } from './plans.ts'
import { AdminProblem, toProblem } from './problems.ts'
import { addResources } from './resources.ts'
import { addRoles } from './roles.ts'
import type { AdminApp } from './routes.ts'
import { addSecrets } from './secrets.ts'
import type { AdminServices } from './services.ts'
import { addTokens } from './tokens.ts'
import { addUsers } from './users.ts'
import { validateBySchemas } from './validation.ts'

/** Every resource; a line each. */
const resources: readonly ((app: AdminApp, services: AdminServices) => void)[] = [
  addOperational,
  addClients,
  addSecrets,
  addTokens,
  addUsers,
  addRoles,
  addPlans,
  addResources,
  addAudit,
]

const maxBodyBytes = 262_144

/** Most connections at once: administrators and probes are few. */
const maxConnections = 256

/** The second listener: for administrators and whatever works for them, never for clients or users. */
export async function createAdminApp(services: AdminServices, log: Logger): Promise<AdminApp> {
  const app: AdminApp = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    // A bulk of users may take long to send; a connection on which nothing comes is closed.
    requestTimeout: 600_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 5_000,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200 },
  })
  app.server.maxConnections = maxConnections
  validateBySchemas(app)
  parseBodies(app)
  logRequests(app, log)
  answerProblems(app, log)
  refuseUnknownPlaces(app)
  app.decorateRequest('actorId', '')
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (!isOpen(request.routeOptions.config)) await authorize(request, services)
  })
  app.addHook('preValidation', async ({ params }) => refuseNul(params))
  await app.register(swagger, { openapi: description })
  for (const addResource of resources) addResource(app, services)
  return app
}

/** No id has a NUL, and Postgres refuses to look for one. */
function refuseNul(params: unknown): void {
  if (JSON.stringify(params)?.includes('\\u0000'))
    throw new AdminProblem('not-found', { detail: 'Nothing has an id with a NUL character.' })
}

function isOpen(config: object | undefined): boolean {
  return config !== undefined && 'isOpen' in config && config.isOpen === true
}

/** JSON, merge patches of JSON, and the lines of a bulk, which are left to be read as they come. */
function parseBodies(app: AdminApp): void {
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'ignore'),
  )
  app.addContentTypeParser('application/x-ndjson', async (_request: unknown, payload: unknown) => payload)
}

function answerProblems(app: AdminApp, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error)
    if (problem.code === 'failed' && error instanceof Error)
      log.error(
        { path: request.routeOptions.url, reason: error.message, stack: error.stack },
        'request failed',
      )
    return reply
      .code(problem.status)
      .headers(problem.headers)
      .type('application/problem+json')
      .serializer(String)
      .send(JSON.stringify(problem.toBody()))
  })
}

/** One line a request, and never a URL, a header or a body. */
function logRequests(app: AdminApp, log: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    log.info(
      {
        method: request.method,
        path: request.routeOptions.url ?? '(unknown)',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: request.getDecorator<string>('actorId') || undefined,
      },
      'admin request',
    )
  })
}

const description = {
  openapi: '3.1.0',
  info: {
    title: 'Passerelle: the admin API of the oauth-server',
    description:
      'Clients, secrets, tokens, users, roles and plans. Errors are problem documents (RFC 9457). Every change is in the audit trail.',
    version: '1',
  },
  components: {
    securitySchemes: {
      bearer: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'An access token of this server with the scope admin; to look, admin:read is enough.',
      },
    },
  },
  security: [{ bearer: [] }],
}
