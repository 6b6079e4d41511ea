import { Type } from 'typebox'
import type { ListedToken, TokenOwner } from '../store/token-listing.ts'
import { actorOf } from './authorize.ts'
import {
  type AdminApp,
  answers,
  idParams,
  nothing,
  pageQuerySchema,
  pageSchema,
  readPage,
  timeSchema,
  toPageBody,
  toTime,
} from './routes.ts'
import type { AdminServices } from './services.ts'

const tokenSchema = Type.Object({
  id: Type.String({ description: 'Names the token here, and is of no use anywhere else.' }),
  kind: Type.Enum(['access', 'refresh']),
  last_four: Type.String({ description: 'How the token ends.' }),
  client_id: Type.String(),
  user_id: Type.Union([Type.String(), Type.Null()]),
  scope: Type.String(),
  issued_at: timeSchema('When it was issued.'),
  expires_at: timeSchema('When it ends.'),
})

/** `/clients/{id}/tokens` and `/users/{id}/tokens`: what is out there, and how to take it back. */
export function addTokens(app: AdminApp, services: AdminServices): void {
  addTokensOf(app, services, 'client')
  addTokensOf(app, services, 'user')
}

function addTokensOf(app: AdminApp, { tokens }: AdminServices, kind: TokenOwner['kind']): void {
  const tags = [`${kind}s`]
  app.get(`/${kind}s/:id/tokens`, {
    schema: {
      summary: `List a ${kind}’s tokens, newest first, by how they end`,
      tags,
      params: idParams,
      querystring: pageQuerySchema,
      response: answers(200, pageSchema(tokenSchema)),
    },
    handler: async ({ params: { id }, query }) =>
      toPageBody(await tokens.page({ kind, id }, readPage(query)), toTokenJson),
  })
  app.delete(`/${kind}s/:id/tokens/:token`, {
    schema: {
      summary: 'Revoke one token; with a refresh token goes what descends from the same grant',
      tags,
      params: Type.Object({ ...idParams.properties, token: Type.String({ maxLength: 64 }) }),
      response: answers(204, nothing),
    },
    handler: async (request, reply) => {
      const { id, token } = request.params
      await tokens.revoke({ kind, id }, token, actorOf(request))
      return reply.code(204).send()
    },
  })
  app.delete(`/${kind}s/:id/tokens`, {
    schema: {
      summary: `Revoke all tokens of a ${kind}`,
      tags,
      params: idParams,
      response: answers(200, Type.Object({ revoked: Type.Integer({ description: 'How many went.' }) })),
    },
    handler: async (request) => ({
      revoked: await tokens.revokeAll({ kind, id: request.params.id }, actorOf(request)),
    }),
  })
}

/** A token as the admin API and the command line show it. */
export function toTokenJson(token: ListedToken) {
  return {
    id: token.id,
    kind: token.kind,
    last_four: token.lastFour,
    client_id: token.clientId,
    user_id: token.userId,
    scope: token.scope.join(' '),
    issued_at: toTime(token.issuedAt),
    expires_at: toTime(token.expiresAt),
  }
}
