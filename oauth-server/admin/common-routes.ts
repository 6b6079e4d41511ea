import type { TSchema } from 'typebox'
import type { Actor } from '../store/audit-repository.ts'
import { actorOf } from './authorize.ts'
import { type AdminApp, answers, idParams, nothing } from './routes.ts'
import { withVersion } from './versions.ts'

/** Adds the route that takes one thing away by its id. */
export function addDeletion(
  app: AdminApp,
  { path, ...words }: { readonly path: string; readonly summary: string; readonly tags: string[] },
  remove: (id: string, actor: Actor) => Promise<unknown>,
): void {
  app.delete(`${path}/:id`, {
    schema: { ...words, params: idParams, response: answers(204, nothing) },
    handler: async (request, reply) => {
      await remove(request.params.id, actorOf(request))
      return reply.code(204).send()
    },
  })
}

/** What can be switched off, and shown as its schema says. */
interface Switched<Thing> {
  readonly path: string
  readonly tags: string[]
  readonly schema: TSchema
  /** What each switch does, for the documents. */
  readonly summaries: { readonly disable: string; readonly enable: string }
  readonly show: (thing: Thing) => object
}

/** Adds the two routes that disable one thing and enable it again. */
export function addSwitches<Thing>(
  app: AdminApp,
  { path, tags, schema, summaries, show }: Switched<Thing>,
  registry: Record<'disable' | 'enable', (id: string, actor: Actor) => Promise<Thing>>,
): void {
  for (const verb of ['disable', 'enable'] as const)
    app.post(`${path}/:id/${verb}`, {
      schema: { summary: summaries[verb], tags, params: idParams, response: answers(200, schema) },
      handler: async (request, reply) =>
        withVersion(reply, show(await registry[verb](request.params.id, actorOf(request)))),
    })
}
