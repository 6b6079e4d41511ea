import { type Static, Type } from 'typebox'
import type { NewPlan } from '../clients/plan-registry.ts'
import type { Plan } from '../store/plan-repository.ts'
import { actorOf } from './authorize.ts'
import { addDeletion } from './common-routes.ts'
import {
  type AdminApp,
  answers,
  createRolesQuery,
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
import { ifMatch, withVersion } from './versions.ts'

const tags = ['plans']

const planMembers = {
  name: Type.String({ description: 'What people call it; 1 to 100 characters.' }),
  roles: Type.Array(Type.String(), { maxItems: 50, description: 'What comes to the roles of its clients.' }),
  rate_limit: Type.Integer({ description: 'Requests that each of its clients may make in a window.' }),
  rate_limit_window: Type.Integer({ description: 'Length of the window in seconds.' }),
}

const id = Type.String({ description: '1 to 64 small letters, digits or hyphens.' })

const planSchema = Type.Object({
  id,
  ...planMembers,
  created_at: timeSchema('When it was made.'),
  updated_at: timeSchema('When it was last changed.'),
})

const newPlanSchema = Type.Object(
  { id, ...planMembers, roles: Type.Optional(planMembers.roles) },
  { additionalProperties: false },
)

const planPatchSchema = Type.Object(
  {
    ...Type.Partial(Type.Object(planMembers)).properties,
    roles: Type.Optional(Type.Union([planMembers.roles, Type.Null()])),
  },
  { additionalProperties: false, minProperties: 1 },
)

/** `/plans`: quotas and roles that many clients share. */
export function addPlans(app: AdminApp, { plans }: AdminServices): void {
  app.get('/plans', {
    schema: {
      summary: 'List plans by id',
      tags,
      querystring: pageQuerySchema,
      response: answers(200, pageSchema(planSchema)),
    },
    handler: async ({ query }) => toPageBody(await plans.page(readPage(query)), toPlanJson),
  })
  app.post('/plans', {
    schema: {
      summary: 'Make a plan',
      tags,
      querystring: createRolesQuery,
      body: newPlanSchema,
      response: answers(201, planSchema),
    },
    handler: async (request, reply) => {
      const wanted = { ...toNewPlan(request.body), createRoles: request.query.create_roles }
      const plan = await plans.create(wanted, actorOf(request))
      reply.code(201).header('location', `/plans/${plan.id}`)
      return withVersion(reply, toPlanJson(plan))
    },
  })
  app.get('/plans/:id', {
    schema: { summary: 'Show a plan', tags, params: idParams, response: answers(200, planSchema) },
    handler: async ({ params }, reply) => withVersion(reply, toPlanJson(await plans.show(params.id))),
  })
  app.patch('/plans/:id', {
    schema: {
      summary:
        'Change a plan by a JSON Merge Patch (RFC 7396): it counts at once for every client that has it',
      tags,
      consumes: mergePatchTypes,
      params: idParams,
      querystring: createRolesQuery,
      body: planPatchSchema,
      response: answers(200, planSchema),
    },
    handler: async (request, reply) => {
      const change = {
        membersOf: (before: Plan) => patchPlan(before, request.body),
        createRoles: request.query.create_roles,
        isExpected: ifMatch(request.headers['if-match'], toPlanJson),
      }
      return withVersion(reply, toPlanJson(await plans.change(request.params.id, change, actorOf(request))))
    },
  })
  addDeletion(app, { path: '/plans', summary: 'Take a plan away that no client has', tags }, (id, actor) =>
    plans.delete(id, actor),
  )
}

function toNewPlan({
  rate_limit,
  rate_limit_window,
  roles = [],
  ...rest
}: Static<typeof newPlanSchema>): NewPlan {
  return { ...rest, roles, quota: { limit: rate_limit, windowMs: rate_limit_window * 1_000 } }
}

function patchPlan(before: Plan, patch: Static<typeof planPatchSchema>) {
  const { name = before.name, roles = before.roles } = patch
  return {
    name,
    roles: roles ?? [],
    quota: {
      limit: patch.rate_limit ?? before.quota.limit,
      windowMs:
        patch.rate_limit_window === undefined ? before.quota.windowMs : patch.rate_limit_window * 1_000,
    },
  }
}

/** A plan as the admin API and the command line show it. */
export function toPlanJson(plan: Plan) {
  return {
    id: plan.id,
    name: plan.name,
    roles: plan.roles,
    rate_limit: plan.quota.limit,
    rate_limit_window: plan.quota.windowMs / 1_000,
    created_at: toTime(plan.createdAt),
    updated_at: toTime(plan.updatedAt),
  }
}
