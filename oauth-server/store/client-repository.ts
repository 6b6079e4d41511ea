import { type Selectable, sql } from 'kysely'
import {
  type AuthMethod,
  type Client,
  type ClientDetails,
  type Entitlement,
  type GrantType,
  isAdministrator,
  type TokenFormat,
} from './client.ts'
import { type GivenAs, PreparedQuery } from './prepared-query.ts'
import { type Database, joinList, sortedOnce, splitList, type Tables } from './tables.ts'

/** What a caller's credentials are held against. */
export interface ClientProofs {
  readonly authMethod: AuthMethod
  readonly jwks: string | null
  readonly isDisabled: boolean
  /** Of the secrets that have not expired. */
  readonly secretHashes: readonly string[]
}

/** The tables of clients and their secrets. */
export class ClientRepository {
  readonly #db: Database
  readonly #client: ReturnType<typeof prepareClient>
  readonly #proofs: ReturnType<typeof prepareProofs>

  constructor(db: Database) {
    this.#db = db
    this.#client = prepareClient(db)
    this.#proofs = prepareProofs(db)
  }

  async insert(client: ClientDetails): Promise<void> {
    await this.#db.insertInto('clients').values(toRow(client)).execute()
    await this.#indexRoles(client)
  }

  async update(client: ClientDetails): Promise<void> {
    await this.#db.updateTable('clients').set(toRow(client)).where('id', '=', client.id).execute()
    await this.#db.deleteFrom('client_roles').where('client_id', '=', client.id).execute()
    await this.#indexRoles(client)
  }

  /** Its secrets and tokens go with it. */
  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('clients').where('id', '=', id).execute()
  }

  /** Keeps other changes of the client waiting until this transaction ends; says whether there is one. */
  async lock(id: string): Promise<boolean> {
    const row = await this.#db
      .updateTable('clients')
      .set({ id })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  }

  /**
   * The clients that administer and are not disabled. Within a transaction it keeps others that look waiting, so that of
   * two that take an administrator away the second sees what the first has left.
   */
  async lockAdmins(): Promise<string[]> {
    const rows = await this.#db
      .updateTable('clients')
      .set({ is_admin: 1 })
      .where('is_admin', '=', 1)
      .where('disabled_at', 'is', null)
      .returning('id')
      .execute()
    return rows.map(({ id }) => id)
  }

  async find(id: string): Promise<Client | undefined> {
    const [row] = await this.#client.run({ id })
    return row && toClient(row)
  }

  /**
   * What a client may authenticate by now. It is asked for before anything is proven, and so fetches the same little for
   * a client as for none: the time that it takes must not tell which ids exist.
   */
  async findProofs(id: string, now: number): Promise<ClientProofs | undefined> {
    const rows = await this.#proofs.run({ id, now })
    const [row] = rows
    if (row === undefined || row.auth_method === null) return undefined
    return {
      authMethod: row.auth_method as AuthMethod,
      jwks: row.jwks,
      isDisabled: row.disabled_at !== null,
      secretHashes: rows.flatMap(({ hash }) => (hash === null ? [] : [hash])),
    }
  }

  async #indexRoles({ id, roles }: ClientDetails): Promise<void> {
    if (roles.length === 0) return
    await this.#db
      .insertInto('client_roles')
      .values(roles.map((role) => ({ role, client_id: id })))
      .execute()
  }
}

function prepareProofs(db: Database) {
  return new PreparedQuery(db, (given: GivenAs<{ id: string; now: number }>) =>
    db
      // A row comes in any case, even if it has nothing but nulls.
      .selectFrom(sql<{ id: string }>`(select cast(${given('id')} as text) as id)`.as('wanted'))
      .leftJoin('clients as client', 'client.id', 'wanted.id')
      .leftJoin('client_secrets as secret', (join) =>
        join
          .onRef('secret.client_id', '=', 'client.id')
          .on((on) =>
            on.or([on('secret.expires_at', 'is', null), on('secret.expires_at', '>', given('now'))]),
          ),
      )
      .select(['client.auth_method', 'client.jwks', 'client.disabled_at', 'secret.hash']),
  )
}

function prepareClient(db: Database) {
  return new PreparedQuery(db, (given: GivenAs<{ id: string }>) =>
    selectClients(db).where('client.id', '=', given('id')),
  )
}

/** Clients with what their plans give them; {@link toClient} reads the rows. */
export function selectClients(db: Database) {
  return db
    .selectFrom('clients as client')
    .leftJoin('plans as plan', 'plan.id', 'client.plan_id')
    .select(clientColumns)
    .select(planColumns)
}

/** By name: a statement that Postgres keeps is refused once a newer version has added columns to "all". */
const clientColumns = [
  ...(['client.id', 'client.name', 'client.name_key', 'client.roles', 'client.scopes'] as const),
  ...(['client.grant_types', 'client.plan_id', 'client.rate_limit', 'client.rate_limit_window_ms'] as const),
  ...(['client.auth_method', 'client.jwks', 'client.redirect_uris', 'client.audiences'] as const),
  ...(['client.token_format', 'client.access_token_lifetime_ms'] as const),
  ...(['client.refresh_token_lifetime_ms', 'client.skips_consent', 'client.allows_get_token'] as const),
  ...(['client.created_at', 'client.updated_at', 'client.disabled_at'] as const),
] as const

/** What a query over `clients as client` and `plans as plan` takes of the plan; see {@link entitlementOf}. */
export const planColumns = [
  'plan.roles as plan_roles',
  'plan.rate_limit as plan_rate_limit',
  'plan.rate_limit_window_ms as plan_rate_limit_window_ms',
] as const

/** The part of a row that says what a client's tokens carry. */
interface EntitlementRow {
  readonly roles: string
  readonly rate_limit: number
  readonly rate_limit_window_ms: number
  readonly plan_roles: string | null
  readonly plan_rate_limit: number | null
  readonly plan_rate_limit_window_ms: number | null
}

/** What a client's tokens carry, by its own row and its plan's. */
export function entitlementOf(row: EntitlementRow): Entitlement {
  const roles = splitList(row.roles)
  return {
    roles: row.plan_roles ? sortedOnce([...roles, ...splitList(row.plan_roles)]) : roles,
    quota: {
      limit: row.plan_rate_limit ?? row.rate_limit,
      windowMs: row.plan_rate_limit_window_ms ?? row.rate_limit_window_ms,
    },
  }
}

function toRow(client: ClientDetails): Selectable<Tables['clients']> {
  return {
    id: client.id,
    name: client.name,
    name_key: client.name.toLowerCase(),
    roles: joinList(client.roles),
    scopes: joinList(client.scopes),
    grant_types: joinList(client.grantTypes),
    plan_id: client.planId,
    rate_limit: client.quota.limit,
    rate_limit_window_ms: client.quota.windowMs,
    auth_method: client.authMethod,
    jwks: client.jwks,
    redirect_uris: joinList(client.redirectUris),
    audiences: joinList(client.audiences),
    token_format: client.tokenFormat,
    access_token_lifetime_ms: client.accessTokenLifetimeMs,
    refresh_token_lifetime_ms: client.refreshTokenLifetimeMs,
    skips_consent: Number(client.skipsConsent),
    allows_get_token: Number(client.allowsGetToken),
    created_at: client.createdAt,
    updated_at: client.updatedAt,
    disabled_at: client.disabledAt,
    is_admin: Number(isAdministrator(client)),
  }
}

/** Only this file writes the columns whose texts are told apart here. */
export function toClient(
  row: Omit<Selectable<Tables['clients']>, 'is_admin' | 'name_key'> & EntitlementRow,
): Client {
  return {
    id: row.id,
    name: row.name,
    roles: splitList(row.roles),
    scopes: splitList(row.scopes),
    quota: { limit: row.rate_limit, windowMs: row.rate_limit_window_ms },
    planId: row.plan_id,
    grantTypes: splitList(row.grant_types) as GrantType[],
    authMethod: row.auth_method as AuthMethod,
    jwks: row.jwks,
    redirectUris: splitList(row.redirect_uris),
    audiences: splitList(row.audiences),
    tokenFormat: row.token_format as TokenFormat,
    accessTokenLifetimeMs: row.access_token_lifetime_ms,
    refreshTokenLifetimeMs: row.refresh_token_lifetime_ms,
    skipsConsent: row.skips_consent !== 0,
    allowsGetToken: row.allows_get_token !== 0,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    disabledAt: row.disabled_at,
    granted: entitlementOf(row),
  }
}
