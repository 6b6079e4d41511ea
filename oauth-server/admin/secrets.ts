import { Type } from 'typebox'
import type { ListedSecret } from '../clients/client-secrets.ts'
import { actorOf } from './authorize.ts'
import { type AdminApp, answers, idParams, nothing, timeSchema, toOptionalTime, toTime } from './routes.ts'
import type { AdminServices } from './services.ts'

const tags = ['clients']

const secretSchema = Type.Object({
  id: Type.String(),
  last_four: Type.String({ description: 'How the secret ends; empty for one of before that was kept.' }),
  created_at: timeSchema('When it was made.'),
  expires_at: Type.Union([timeSchema('When it ends.'), Type.Null()]),
})

const addedSchema = Type.Object({
  ...secretSchema.properties,
  client_secret: Type.String({ description: 'Shown this once, and never again.' }),
})

const seconds = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description }))

const wishesSchema = Type.Object(
  {
    expires_in: seconds('Seconds until the new secret ends; left out, it does not.'),
    older_expires_in: seconds(
      'Seconds until the secret that there is ends: a rotation with overlap in one call. Left out, it stays.',
    ),
  },
  { additionalProperties: false },
)

/** `/clients/{id}/secrets`: at most two at a time, so that one can follow the other without a gap. */
export function addSecrets(app: AdminApp, { secrets, now }: AdminServices): void {
  app.get('/clients/:id/secrets', {
    schema: {
      summary: 'List a client’s secrets by how they end',
      tags,
      params: idParams,
      response: answers(200, Type.Object({ items: Type.Array(secretSchema) })),
    },
    handler: async ({ params }) => ({ items: (await secrets.list(params.id)).map(toSecretJson) }),
  })
  app.post('/clients/:id/secrets', {
    schema: {
      summary: 'Give a client another secret; it is in this answer, and nowhere else ever',
      tags,
      params: idParams,
      body: Type.Union([wishesSchema, Type.Null()]),
      response: answers(201, addedSchema),
    },
    handler: async (request, reply) => {
      const { expires_in, older_expires_in } = request.body ?? {}
      const wishes = {
        expiresAt: expires_in === undefined ? undefined : now() + expires_in * 1_000,
        olderExpiresAt: older_expires_in === undefined ? undefined : now() + older_expires_in * 1_000,
      }
      const { secret, stored } = await secrets.add(request.params.id, wishes, actorOf(request))
      reply.code(201)
      return { ...toSecretJson(stored), client_secret: secret }
    },
  })
  app.delete('/clients/:id/secrets/:secret', {
    schema: {
      summary: 'Revoke a secret at once',
      tags,
      params: Type.Object({ ...idParams.properties, secret: Type.String({ maxLength: 64 }) }),
      querystring: Type.Object(
        {
          revoke_tokens: Type.Boolean({
            default: false,
            description: 'Revoke all of the client’s tokens too.',
          }),
        },
        { additionalProperties: false },
      ),
      response: answers(204, nothing),
    },
    handler: async (request, reply) => {
      const { id, secret } = request.params
      const which = { id: secret, revokesTokens: request.query.revoke_tokens }
      await secrets.revoke(id, which, actorOf(request))
      return reply.code(204).send()
    },
  })
}

/** A secret as the admin API and the command line show it. */
export function toSecretJson(secret: ListedSecret) {
  return {
    id: secret.id,
    last_four: secret.lastFour,
    created_at: toTime(secret.createdAt),
    expires_at: toOptionalTime(secret.expiresAt),
  }
}
