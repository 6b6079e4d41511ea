import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { User } from '../store/user-repository.ts'
import { importedUserSchema } from '../users/imported-user.ts'
import { importUsers } from '../users/user-import.ts'
import { actorOf } from './authorize.ts'
import { addDeletion, addSwitches } from './common-routes.ts'
import { AdminProblem } from './problems.ts'
import {
  type AdminApp,
  answers,
  idParams,
  mergePatchTypes,
  nothing,
  pageQuery,
  pageSchema,
  readPage,
  timeSchema,
  toOptionalTime,
  toPageBody,
  toTime,
} from './routes.ts'
import type { AdminServices } from './services.ts'
import { withoutNul } from './validation.ts'
import { ifMatch, withVersion } from './versions.ts'

const tags = ['users']

const userMembers = {
  username: Type.String({ description: 'Unique in whatever case; 1 to 100 characters.' }),
  display_name: Type.String({ description: 'What people call the user.' }),
  entitlements: Type.Array(Type.String(), { description: 'What the user may see.' }),
}

const userSchema = Type.Object({
  id: Type.String({ description: 'The subject of the user’s tokens; it never changes.' }),
  ...userMembers,
  has_password: Type.Boolean({ description: 'Without one nobody can sign in as this user here.' }),
  created_at: timeSchema('When the user was made.'),
  updated_at: timeSchema('When the user was last changed.'),
  disabled: Type.Boolean(),
  disabled_at: Type.Union([timeSchema('Since when the user is kept out.'), Type.Null()]),
})

const password = Type.String({ description: '8 to 200 characters; stored as a scrypt hash only.' })

const newUserSchema = Type.Object(
  {
    ...Type.Partial(Type.Object(userMembers)).properties,
    username: userMembers.username,
    password: Type.Optional(password),
  },
  { additionalProperties: false },
)

const userPatchSchema = Type.Object(
  {
    username: Type.Optional(userMembers.username),
    display_name: Type.Optional(userMembers.display_name),
    entitlements: Type.Optional(Type.Union([userMembers.entitlements, Type.Null()])),
  },
  { additionalProperties: false, minProperties: 1 },
)

const reportSchema = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  failed: Type.Integer(),
  errors: Type.Array(
    Type.Object({
      line: Type.Integer({ description: 'Counted from 1.' }),
      member: Type.Optional(Type.String()),
      rule: Type.String(),
    }),
    { description: 'The first thousand of the lines that failed.' },
  ),
})

const searchQuery = Type.Object(
  {
    ...pageQuery,
    username: Type.Optional(
      Type.String({ maxLength: 100, ...withoutNul, description: 'How the username begins.' }),
    ),
    disabled: Type.Optional(Type.Boolean({ description: 'Whether the user is disabled.' })),
  },
  { additionalProperties: false },
)

/** `/users`: people who can let clients act for them. */
export function addUsers(app: AdminApp, services: AdminServices): void {
  addUserCollection(app, services)
  addOneUser(app, services)
  addBulk(app, services)
}

function addUserCollection(app: AdminApp, { users }: AdminServices): void {
  app.get('/users', {
    schema: {
      summary: 'List and search users',
      tags,
      querystring: searchQuery,
      response: answers(200, pageSchema(userSchema)),
    },
    handler: async ({ query }) => {
      const filter = { usernamePrefix: query.username, isDisabled: query.disabled }
      return toPageBody(await users.page(filter, readPage(query)), toUserJson)
    },
  })
  app.post('/users', {
    schema: { summary: 'Make a user', tags, body: newUserSchema, response: answers(201, userSchema) },
    handler: async (request, reply) => {
      const { display_name, ...wanted } = request.body
      const displayName = display_name === undefined ? {} : { displayName: display_name }
      const user = await users.create({ ...wanted, ...displayName }, actorOf(request))
      reply.code(201).header('location', `/users/${user.id}`)
      return withVersion(reply, toUserJson(user))
    },
  })
}

function addOneUser(app: AdminApp, { users }: AdminServices): void {
  app.get('/users/:id', {
    schema: { summary: 'Show a user', tags, params: idParams, response: answers(200, userSchema) },
    handler: async ({ params }, reply) => withVersion(reply, toUserJson(await users.show(params.id))),
  })
  app.patch('/users/:id', {
    schema: {
      summary: 'Change a user by a JSON Merge Patch (RFC 7396), with If-Match where nobody else may have',
      tags,
      consumes: mergePatchTypes,
      params: idParams,
      body: userPatchSchema,
      response: answers(200, userSchema),
    },
    handler: async (request, reply) => {
      const { username, display_name, entitlements } = request.body
      const changes = {
        ...(username !== undefined && { username }),
        ...(display_name !== undefined && { displayName: display_name }),
        ...(entitlements !== undefined && { entitlements: entitlements ?? [] }),
        isExpected: ifMatch(request.headers['if-match'], toUserJson),
      }
      return withVersion(reply, toUserJson(await users.change(request.params.id, changes, actorOf(request))))
    },
  })
  addDeletion(
    app,
    { path: '/users', summary: 'Take a user away, with all that clients hold for them', tags },
    (id, actor) => users.delete(id, actor),
  )
  const summaries = {
    disable: 'Keep a user out, and let what clients hold for them be good for nothing',
    enable: 'Take disable back',
  }
  addSwitches(app, { path: '/users', tags, schema: userSchema, summaries, show: toUserJson }, users)
  app.put('/users/:id/password', {
    schema: {
      summary: 'Set a user’s password',
      tags,
      params: idParams,
      body: Type.Object({ password }, { additionalProperties: false }),
      response: answers(204, nothing),
    },
    handler: async (request, reply) => {
      await users.setPassword(request.params.id, request.body.password, actorOf(request))
      return reply.code(204).send()
    },
  })
}

function addBulk(app: AdminApp, { changes }: AdminServices): void {
  app.post('/users/bulk', {
    schema: {
      summary: 'Make and change any number of users, told apart by username: one JSON object a line',
      description:
        'The body is read as it comes and never held as a whole. 250 lines at a time are one transaction; a line that is wrong keeps no other from being taken, and sending all of them again does no harm.',
      tags,
      consumes: ['application/x-ndjson'],
      // For the documents: the lines are held against it one by one.
      body: Type.Unsafe<Readable>({ ...importedUserSchema }),
      response: answers(200, reportSchema),
    },
    validatorCompiler: () => () => true,
    handler: async (request) => {
      if (!(request.body instanceof Readable))
        throw new AdminProblem('media-type-unsupported', {
          detail: 'The body must be lines of JSON, sent as application/x-ndjson.',
        })
      const { faults, ...report } = await importUsers(request.body, changes, actorOf(request))
      return { ...report, errors: faults }
    },
  })
}

/** A user as the admin API and the command line show it. */
export function toUserJson(user: User) {
  return {
    id: user.id,
    username: user.username,
    display_name: user.displayName,
    entitlements: user.entitlements,
    has_password: user.hasPassword,
    created_at: toTime(user.createdAt),
    updated_at: toTime(user.updatedAt),
    disabled: user.disabledAt !== null,
    disabled_at: toOptionalTime(user.disabledAt),
  }
}
