import { type BrokenRule, ChangeConflict, RuleBroken, ThingNotFound } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Changes } from '../store/changes.ts'
import { type TokenFormat, tokenFormats } from '../store/client.ts'
import { type Resource, ResourceRepository } from '../store/resource-repository.ts'
import type { Database } from '../store/tables.ts'
import { isLifetime, isName, lifetimeRule, nameRule } from './client-rules.ts'
import { isResourceUri, resourceUriRule } from './uris.ts'

/** What is asked of a new resource; what is left out holds no client to anything. */
export interface NewResource {
  readonly uri: string
  readonly name: string
  readonly tokenFormat?: TokenFormat
  readonly accessTokenLifetimeMs?: number | null
}

/** The APIs that tokens can be for (RFC 8707): made here, listed, deleted. */
export class ResourceRegistry {
  readonly #resources: ResourceRepository
  readonly #changes: Changes

  constructor(db: Database, changes: Changes) {
    this.#resources = new ResourceRepository(db)
    this.#changes = changes
  }

  /** Makes a resource. Throws {@link RuleBroken}, and {@link ChangeConflict} where there is one of this URI. */
  create(wanted: NewResource, actor: Actor): Promise<Resource> {
    return this.#changes.make(actor, async ({ db, now, audit }) => {
      const resource = {
        tokenFormat: 'opaque',
        accessTokenLifetimeMs: null,
        ...wanted,
        createdAt: now,
      } as const
      checkResource(resource)
      if (!(await new ResourceRepository(db).insert(resource)))
        throw new ChangeConflict('exists', `there is a resource ${JSON.stringify(resource.uri)} already`)
      const { uri, name, tokenFormat, accessTokenLifetimeMs } = resource
      const detail = { name, tokenFormat, accessTokenLifetimeMs }
      await audit({ action: 'resource.created', target: `resource:${uri}`, detail })
      return resource
    })
  }

  /** Every resource, oldest first. */
  list(): Promise<Resource[]> {
    return this.#resources.list()
  }

  /** Deletes a resource. Throws {@link ThingNotFound}, and {@link ChangeConflict} while a client names it. */
  delete(uri: string, actor: Actor): Promise<void> {
    return this.#changes.make(actor, async ({ db, audit }) => {
      const resources = new ResourceRepository(db)
      const clients = await resources.clientsOf(uri)
      if (clients.length > 0)
        throw new ChangeConflict(
          'in-use',
          `the resource ${JSON.stringify(uri)} is an audience of the client ${clients[0]}: take it from there first`,
        )
      if (!(await resources.delete(uri))) throw new ThingNotFound('resource', uri)
      await audit({ action: 'resource.deleted', target: `resource:${uri}` })
    })
  }
}

function checkResource({ uri, name, tokenFormat, accessTokenLifetimeMs }: Resource): void {
  const refuse = (member: keyof Resource, what: string, broken: BrokenRule) => {
    throw new RuleBroken(member, `the resource's ${what}`, broken)
  }
  if (!isResourceUri(uri)) refuse('uri', 'URI', { value: uri, rule: resourceUriRule })
  if (!isName(name)) refuse('name', 'name', { value: name, rule: nameRule })
  if (!tokenFormats.includes(tokenFormat))
    refuse('tokenFormat', 'token format', {
      value: tokenFormat,
      rule: `must be one of ${tokenFormats.join(', ')}`,
    })
  if (accessTokenLifetimeMs !== null && !isLifetime(accessTokenLifetimeMs))
    refuse('accessTokenLifetimeMs', 'access token lifetime', {
      value: `${accessTokenLifetimeMs}ms`,
      rule: lifetimeRule,
    })
}
