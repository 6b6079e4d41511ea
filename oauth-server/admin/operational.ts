import { Type } from 'typebox'
import { type AdminApp, answers } from './routes.ts'
import type { AdminServices } from './services.ts'

const open = { config: { isOpen: true } }
const tags = ['operation']

/** What probes and scrapers ask for. It takes no token: whoever reaches this listener may know. */
export function addOperational(app: AdminApp, { checkStore, metrics }: AdminServices): void {
  app.get('/healthz', {
    ...open,
    schema: {
      summary: 'Whether the database answers',
      tags,
      security: [],
      response: answers(200, Type.Object({ status: Type.String() })),
    },
    handler: async () => {
      await checkStore()
      return { status: 'ok' }
    },
  })
  app.get('/metrics', {
    ...open,
    schema: {
      summary: 'Figures for Prometheus',
      tags,
      security: [],
      produces: ['text/plain'],
      response: answers(200, Type.String()),
    },
    serializerCompiler: () => String,
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  })
  app.get('/openapi.json', {
    ...open,
    schema: {
      summary: 'This description',
      tags,
      security: [],
      response: answers(200, Type.Object({}, { additionalProperties: true })),
    },
    handler: async () => app.swagger(),
  })
}
