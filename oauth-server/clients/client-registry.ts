import { mintCredential, type RandomSource, randomSuffix } from '../credentials.ts'
import { ThingNotFound, VersionMismatch } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Page, PageRequest } from '../store/bounded-scan.ts'
import { type Change, type ChangeListener, Changes, type Effect } from '../store/changes.ts'
import { type Client, type ClientDetails, isAdministrator } from '../store/client.ts'
import { ClientRepository } from '../store/client-repository.ts'
import { type ClientFilter, findClients } from '../store/client-search.ts'
import { ClientSecretRepository } from '../store/client-secret-repository.ts'
import { memberChanges } from '../store/member-changes.ts'
import { PlanRepository } from '../store/plan-repository.ts'
import { ResourceRepository } from '../store/resource-repository.ts'
import { type Database, sortedOnce } from '../store/tables.ts'
import { deleteTokensOf } from '../store/token-listing.ts'
import { ClientRuleBroken, checkClient } from './client-rules.ts'
import { requireNoAdministrator } from './first-admin.ts'
import { keepAdministrators } from './last-admin.ts'
import { newSecret } from './new-secret.ts'
import { type RoleOptions, requireRoles, suggest } from './role-registry.ts'

type GivenMembers = 'name' | 'roles' | 'scopes' | 'quota' | 'grantTypes'
type KeptMembers = 'id' | 'createdAt' | 'updatedAt' | 'disabledAt'
type ChosenMembers = Exclude<keyof ClientDetails, GivenMembers | KeptMembers>

/** What is asked of a new client; what is left out is as {@link clientDefaults} say. */
export type NewClient = Pick<ClientDetails, GivenMembers> & Partial<Pick<ClientDetails, ChosenMembers>>

/** What a client is where nothing else is asked for. */
export const clientDefaults: Pick<ClientDetails, ChosenMembers> = {
  planId: null,
  authMethod: 'client_secret',
  jwks: null,
  redirectUris: [],
  audiences: [],
  tokenFormat: 'opaque',
  accessTokenLifetimeMs: null,
  refreshTokenLifetimeMs: null,
  skipsConsent: false,
  allowsGetToken: false,
}

/** A client that was just made. */
export interface CreatedClient {
  readonly client: Client
  /**
   * Nobody can ever read it again: only its hash is stored. `undefined` for a client that authenticates by a key of its
   * own, or not at all.
   */
  readonly secret: string | undefined
}

/** How a client is made. */
export interface CreateOptions extends RoleOptions {
  /** Whether it is made only where nobody can administer yet. */
  readonly isFirstAdmin?: boolean | undefined
}

/** What is to be different about a client. */
export interface ClientChange extends RoleOptions {
  /** Of the client as it is by now, when nobody else changes it. */
  readonly membersOf: (before: Client) => Partial<Omit<ClientDetails, KeptMembers>>
  /** Whether the client is still the one that the caller has read. */
  readonly isExpected?: ((client: Client) => boolean) | undefined
}

/** No client has this id. */
export class ClientNotFound extends ThingNotFound {
  constructor(id: string) {
    super('client', id)
    this.name = 'ClientNotFound'
  }
}

/** Where the registry gets its time and randomness, and who is told whom its changes concern. */
export interface RegistrySources {
  readonly now: () => number
  readonly random: RandomSource
  readonly listener?: ChangeListener | undefined
}

/** The clients that may have tokens: made here, looked for, changed and taken away. */
export class ClientRegistry {
  readonly #db: Database
  readonly #clients: ClientRepository
  readonly #changes: Changes
  readonly #now: () => number
  readonly #random: RandomSource

  constructor(db: Database, { now, random, listener }: RegistrySources) {
    this.#db = db
    this.#clients = new ClientRepository(db)
    this.#changes = new Changes(db, now, listener)
    this.#now = now
    this.#random = random
  }

  /**
   * Makes a client with a new id, and a new secret where it authenticates by one. Throws `ClientRuleBroken`, and
   * `ChangeConflict` where it was to be the first administrator and is not.
   */
  create(wanted: NewClient, actor: Actor, options: CreateOptions = {}): Promise<CreatedClient> {
    const { createRoles, isFirstAdmin } = options
    return this.#changes.make(actor, async ({ db, now, audit }) => {
      if (isFirstAdmin) await requireNoAdministrator(db)
      const details = withoutRepetition({
        ...clientDefaults,
        ...wanted,
        id: `${slugOf(wanted.name)}-${randomSuffix(this.#random)}`,
        createdAt: now,
        updatedAt: now,
        disabledAt: null,
      })
      checkClient(details)
      await checkPlan(db, details)
      const createdRoles = await requireRoles({ db, now }, { ...ofClient, roles: details.roles, createRoles })
      await checkAudiences(new ResourceRepository(db), details)
      const clients = new ClientRepository(db)
      await clients.insert(details)
      const secret = authenticatesBySecret(details) ? mintCredential('psk', this.#random) : undefined
      if (secret !== undefined)
        await new ClientSecretRepository(db).insert(
          newSecret(secret, { clientId: details.id, createdAt: now, random: this.#random }),
        )
      await audit({
        action: 'client.created',
        target: targetOf(details),
        detail: { ...describe(details), ...(createdRoles.length > 0 && { createdRoles }) },
      })
      return { client: await find(clients, details.id), secret }
    })
  }

  /** The clients that a filter lets through, a page at a time. */
  page(filter: ClientFilter, request: PageRequest): Promise<Page<Client>> {
    return findClients(this.#db, filter, request)
  }

  /** One client. Throws {@link ClientNotFound}. */
  show(id: string): Promise<Client> {
    return find(this.#clients, id)
  }

  /**
   * Changes a client: what it may do counts at once, for the tokens that it has too. Throws {@link ClientNotFound},
   * `ClientRuleBroken`, `VersionMismatch`, and `ChangeConflict` where nobody could administer any more.
   */
  change(id: string, { membersOf, createRoles, isExpected }: ClientChange, actor: Actor): Promise<Client> {
    return this.#alter(id, actor, async (before, { db, now, audit, affects }) => {
      if (isExpected?.(before) === false) throw new VersionMismatch()
      const details = withoutRepetition({ ...detailsOf(before), ...membersOf(before), updatedAt: now })
      checkClient(details)
      await checkPlan(db, details)
      await checkAudiences(new ResourceRepository(db), details)
      const createdRoles = await requireRoles({ db, now }, { ...ofClient, roles: details.roles, createRoles })
      if (!isAdministrator(details)) await keepAdministrators(db, id)
      const changes = memberChanges(detailsOf(before), details, ['updatedAt'])
      if (Object.keys(changes).length === 0) return
      await new ClientRepository(db).update(details)
      affects({ kind: 'client', id }, 'refresh')
      await audit({
        action: 'client.changed',
        target: targetOf(details),
        detail: { changes, ...(createdRoles.length > 0 && { createdRoles }) },
      })
    })
  }

  /** From now on it gets no tokens, and those that it has are not good. Throws as {@link change}. */
  disable(id: string, actor: Actor): Promise<Client> {
    return this.#switch(id, actor, { action: 'client.disabled', effect: 'revoke' })
  }

  /** Takes {@link disable} back; tokens that have not expired are good again. Throws {@link ClientNotFound}. */
  enable(id: string, actor: Actor): Promise<Client> {
    return this.#switch(id, actor, { action: 'client.enabled', effect: 'refresh' })
  }

  /**
   * Takes a client away with its secrets and its tokens; of tokens that are many most go in small steps before. Throws
   * {@link ClientNotFound}, and `ChangeConflict` where nobody could administer any more.
   */
  async delete(id: string, actor: Actor): Promise<void> {
    const client = await this.show(id)
    if (isAdministrator(client)) await this.#db.transaction().execute((db) => keepAdministrators(db, id))
    await deleteTokensOf(this.#db, { kind: 'client', id }, this.#now())
    await this.#changes.make(actor, async ({ db, audit, affects }) => {
      await keepAdministrators(db, id)
      const clients = new ClientRepository(db)
      const details = await find(clients, id)
      await clients.delete(id)
      affects({ kind: 'client', id }, 'revoke')
      await audit({ action: 'client.deleted', target: targetOf(details), detail: describe(details) })
    })
  }

  #switch(id: string, actor: Actor, { action, effect }: { action: string; effect: Effect }): Promise<Client> {
    return this.#alter(id, actor, async (before, { db, now, audit, affects }) => {
      const isDisabled = effect === 'revoke'
      if ((before.disabledAt !== null) === isDisabled) return
      if (isDisabled) await keepAdministrators(db, id)
      const details = { ...detailsOf(before), updatedAt: now, disabledAt: isDisabled ? now : null }
      await new ClientRepository(db).update(details)
      affects({ kind: 'client', id }, effect)
      await audit({ action, target: targetOf(details) })
    })
  }

  /** One change after the other: of two that read the same client the second sees what the first has made. */
  #alter(id: string, actor: Actor, work: (before: Client, change: Change) => Promise<void>): Promise<Client> {
    return this.#changes.make(actor, async (change) => {
      const clients = new ClientRepository(change.db)
      // Administrators are locked before the client is, in one order for everybody: nobody waits in a circle.
      if (isAdministrator(await find(clients, id))) await clients.lockAdmins()
      await clients.lock(id)
      await work(await find(clients, id), change)
      return find(clients, id)
    })
  }
}

const ofClient = { what: "the client's role" }

async function checkPlan(db: Database, { planId }: ClientDetails): Promise<void> {
  if (planId === null) return
  const known = await new PlanRepository(db).ids()
  if (known.includes(planId)) return
  throw new ClientRuleBroken('planId', 'plan', {
    value: planId,
    rule: `is not known${suggest(planId, known)}`,
  })
}

async function checkAudiences(resources: ResourceRepository, { audiences }: ClientDetails): Promise<void> {
  const known = await resources.find(audiences)
  const unknown = audiences.find((audience) => !known.some(({ uri }) => uri === audience))
  if (unknown === undefined) return
  const rule = 'is not known: make it first, by passerelle resource create'
  throw new ClientRuleBroken('audiences', 'audience', { value: unknown, rule })
}

async function find(clients: ClientRepository, id: string): Promise<Client> {
  const client = isClientId(id) ? await clients.find(id) : undefined
  if (client === undefined) throw new ClientNotFound(id)
  return client
}

/** What was never generated stays out of queries: Postgres refuses some texts, such as NUL, with an error. */
export function isClientId(text: string): boolean {
  return /^[a-z0-9-]{1,64}$/.test(text)
}

function targetOf({ id }: ClientDetails): string {
  return `client:${id}`
}

/** What the trail says of a client that comes or goes. */
function describe({ name, roles, scopes, planId, grantTypes, authMethod }: ClientDetails) {
  return { name, roles, scopes, planId, grantTypes, authMethod }
}

function withoutRepetition(client: ClientDetails): ClientDetails {
  const { roles, scopes, audiences } = client
  return {
    ...client,
    roles: sortedOnce(roles),
    scopes: sortedOnce(scopes),
    audiences: sortedOnce(audiences),
  }
}

/** Without what follows from its plan. */
function detailsOf({ granted: _granted, ...details }: Client): ClientDetails {
  return details
}

/** Whether a client has secrets at all. */
export function authenticatesBySecret({ authMethod }: Pick<ClientDetails, 'authMethod'>): boolean {
  return authMethod !== 'private_key_jwt' && authMethod !== 'none'
}

/** The name's readable part of a client id: lower-case ASCII letters, digits and single hyphens. */
function slugOf(name: string): string {
  const ascii = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const slug = ascii
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-|-$/g, '')
  return slug === '' ? 'client' : slug
}
