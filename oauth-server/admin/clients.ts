import { Type } from 'typebox'
import { roleRule } from '../../common/role.ts'
import type { Client } from '../store/client.ts'
import { actorOf } from './authorize.ts'
import {
  clientPatchSchema,
  clientSchema,
  newClientSchema,
  patchClient,
  toClientJson,
  toNewClient,
} from './client-json.ts'
import { addDeletion, addSwitches } from './common-routes.ts'
import {
  type AdminApp,
  answers,
  createRolesQuery,
  idParams,
  mergePatchTypes,
  pageQuery,
  pageSchema,
  readPage,
  toPageBody,
} from './routes.ts'
import type { AdminServices } from './services.ts'
import { withoutNul } from './validation.ts'
import { ifMatch, withVersion } from './versions.ts'

const tags = ['clients']

const searchQuery = Type.Object(
  {
    ...pageQuery,
    id: Type.Optional(Type.String({ maxLength: 64, description: 'How the client id begins.' })),
    name: Type.Optional(
      Type.String({
        maxLength: 100,
        ...withoutNul,
        description: 'How the name begins, in whatever case.',
      }),
    ),
    role: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._:/-]{1,64}$',
        'x-rule': roleRule,
        description: 'One of its own roles.',
      }),
    ),
    plan: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]{1,64}$',
        'x-rule': 'must be 1 to 64 small letters, digits or hyphens',
        description: 'The id of its plan.',
      }),
    ),
    disabled: Type.Optional(Type.Boolean({ description: 'Whether it is disabled.' })),
  },
  { additionalProperties: false },
)

const createdSchema = Type.Object({
  ...clientSchema.properties,
  client_secret: Type.Optional(Type.String({ description: 'Shown this once, and never again.' })),
})

/** `/clients`: who may have tokens. */
export function addClients(app: AdminApp, services: AdminServices): void {
  addClientCollection(app, services)
  addOneClient(app, services)
}

function addClientCollection(app: AdminApp, { clients }: AdminServices): void {
  app.get('/clients', {
    schema: {
      summary: 'List and search clients',
      tags,
      querystring: searchQuery,
      response: answers(200, pageSchema(clientSchema)),
    },
    handler: async ({ query }) => {
      const filter = {
        idPrefix: query.id,
        namePrefix: query.name,
        role: query.role,
        planId: query.plan,
        isDisabled: query.disabled,
      }
      return toPageBody(await clients.page(filter, readPage(query)), toClientJson)
    },
  })
  app.post('/clients', {
    schema: {
      summary: 'Make a client; its secret is in this answer, and nowhere else ever',
      tags,
      querystring: createRolesQuery,
      body: newClientSchema,
      response: answers(201, createdSchema),
    },
    handler: async (request, reply) => {
      const { client, secret } = await clients.create(toNewClient(request.body), actorOf(request), {
        createRoles: request.query.create_roles,
      })
      reply.code(201).header('location', `/clients/${client.id}`)
      return {
        ...withVersion(reply, toClientJson(client)),
        ...(secret !== undefined && { client_secret: secret }),
      }
    },
  })
}

function addOneClient(app: AdminApp, { clients }: AdminServices): void {
  app.get('/clients/:id', {
    schema: { summary: 'Show a client', tags, params: idParams, response: answers(200, clientSchema) },
    handler: async ({ params }, reply) => withVersion(reply, toClientJson(await clients.show(params.id))),
  })
  app.patch('/clients/:id', {
    schema: {
      summary: 'Change a client by a JSON Merge Patch (RFC 7396), with If-Match where nobody else may have',
      tags,
      consumes: mergePatchTypes,
      params: idParams,
      querystring: createRolesQuery,
      body: clientPatchSchema,
      response: answers(200, clientSchema),
    },
    handler: async (request, reply) => {
      const change = {
        membersOf: (before: Client) => patchClient(before, request.body),
        createRoles: request.query.create_roles,
        isExpected: ifMatch(request.headers['if-match'], toClientJson),
      }
      return withVersion(
        reply,
        toClientJson(await clients.change(request.params.id, change, actorOf(request))),
      )
    },
  })
  addDeletion(
    app,
    { path: '/clients', summary: 'Take a client away, with its secrets and tokens', tags },
    (id, actor) => clients.delete(id, actor),
  )
  const summaries = {
    disable: 'Let a client have no tokens, and none of those it has be good',
    enable: 'Take disable back',
  }
  addSwitches(app, { path: '/clients', tags, schema: clientSchema, summaries, show: toClientJson }, clients)
}
