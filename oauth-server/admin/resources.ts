import { Type } from 'typebox'
import { tokenFormats } from '../store/client.ts'
import type { Resource } from '../store/resource-repository.ts'
import { actorOf } from './authorize.ts'
import { type AdminApp, answers, nothing, timeSchema, toTime } from './routes.ts'
import type { AdminServices } from './services.ts'

const tags = ['resources']

const uri = Type.String({
  description: 'The name by which clients ask for it (RFC 8707 §2); an absolute URI.',
})

const details = {
  name: Type.String({ description: 'What people call it; 1 to 100 characters.' }),
  token_format: Type.Enum(tokenFormats, { description: 'What its access tokens look like.' }),
  access_token_lifetime: Type.Union([Type.Integer(), Type.Null()], {
    description: 'How long its access tokens live at most, in seconds; null where it sets no bound.',
  }),
}

const resourceSchema = Type.Object({
  uri,
  ...details,
  created_at: timeSchema('When it was made.'),
})

/** `/resources`: the APIs that tokens can be for. A URI does not fit into a path well: it goes into the query. */
export function addResources(app: AdminApp, { resources }: AdminServices): void {
  app.get('/resources', {
    schema: {
      summary: 'List all resources, oldest first',
      tags,
      response: answers(200, Type.Object({ items: Type.Array(resourceSchema) })),
    },
    handler: async () => ({ items: (await resources.list()).map(toResourceJson) }),
  })
  app.post('/resources', {
    schema: {
      summary: 'Make a resource, which clients can then have among their audiences',
      tags,
      body: Type.Object(
        {
          uri,
          name: details.name,
          token_format: Type.Optional(details.token_format),
          access_token_lifetime: Type.Optional(details.access_token_lifetime),
        },
        { additionalProperties: false },
      ),
      response: answers(201, resourceSchema),
    },
    handler: async (request, reply) => {
      const { token_format = 'opaque', access_token_lifetime = null, ...rest } = request.body
      const accessTokenLifetimeMs = access_token_lifetime === null ? null : access_token_lifetime * 1_000
      const wanted = { ...rest, tokenFormat: token_format, accessTokenLifetimeMs }
      const resource = await resources.create(wanted, actorOf(request))
      reply.code(201)
      return toResourceJson(resource)
    },
  })
  app.delete('/resources', {
    schema: {
      summary: 'Take a resource away that no client names',
      tags,
      querystring: Type.Object({ uri }, { additionalProperties: false }),
      response: answers(204, nothing),
    },
    handler: async (request, reply) => {
      await resources.delete(request.query.uri, actorOf(request))
      return reply.code(204).send()
    },
  })
}

/** A resource as the admin API and the command line show it. */
export function toResourceJson(resource: Resource) {
  const { uri, name, tokenFormat, accessTokenLifetimeMs, createdAt } = resource
  return {
    uri,
    name,
    token_format: tokenFormat,
    access_token_lifetime: accessTokenLifetimeMs === null ? null : accessTokenLifetimeMs / 1_000,
    created_at: toTime(createdAt),
  }
}
