import { Type } from 'typebox'
import type { Role } from '../store/role-repository.ts'
import { actorOf } from './authorize.ts'
import { addDeletion } from './common-routes.ts'
import {
  type AdminApp,
  answers,
  idParams,
  mergePatchTypes,
  pageQuerySchema,
  pageSchema,
  readPage,
  timeSchema,
  toPageBody,
  toTime,
} from './routes.ts'
import type { AdminServices } from './services.ts'

const tags = ['roles']

const description = Type.String({ description: 'For people; up to 200 characters.' })

const roleSchema = Type.Object({
  name: Type.String({
    description: 'What backends are told; 1 to 64 letters, digits or the signs . _ : / -',
  }),
  description,
  created_at: timeSchema('When it was made; 1970 for one that clients had before roles were kept.'),
})

/** `/roles`: what clients and plans can have. */
export function addRoles(app: AdminApp, { roles }: AdminServices): void {
  app.get('/roles', {
    schema: {
      summary: 'List roles by name',
      tags,
      querystring: pageQuerySchema,
      response: answers(200, pageSchema(roleSchema)),
    },
    handler: async ({ query }) => toPageBody(await roles.page(readPage(query)), toRoleJson),
  })
  app.post('/roles', {
    schema: {
      summary: 'Make a role',
      tags,
      body: Type.Object(
        { name: roleSchema.properties.name, description: Type.Optional(description) },
        { additionalProperties: false },
      ),
      response: answers(201, roleSchema),
    },
    handler: async (request, reply) => {
      const wanted = { description: '', ...request.body }
      const role = await roles.create(wanted, actorOf(request))
      reply.code(201).header('location', `/roles/${encodeURIComponent(role.name)}`)
      return toRoleJson(role)
    },
  })
  app.get('/roles/:id', {
    schema: { summary: 'Show a role', tags, params: idParams, response: answers(200, roleSchema) },
    handler: async ({ params }) => toRoleJson(await roles.show(params.id)),
  })
  app.patch('/roles/:id', {
    schema: {
      summary: 'Describe a role anew',
      tags,
      consumes: mergePatchTypes,
      params: idParams,
      body: Type.Object(
        { description: Type.Union([description, Type.Null()]) },
        { additionalProperties: false },
      ),
      response: answers(200, roleSchema),
    },
    handler: async (request) => {
      const text = request.body.description ?? ''
      return toRoleJson(await roles.describe(request.params.id, text, actorOf(request)))
    },
  })
  addDeletion(app, { path: '/roles', summary: 'Take a role away that nobody has', tags }, (id, actor) =>
    roles.delete(id, actor),
  )
}

/** A role as the admin API and the command line show it. */
export function toRoleJson({ name, description, createdAt }: Role) {
  return { name, description, created_at: toTime(createdAt) }
}
