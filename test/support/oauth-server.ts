import { randomBytes } from 'node:crypto'
import {
  ClientRegistry,
  type CreatedClient,
  type NewClient,
} from '../../oauth-server/clients/client-registry.ts'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { defaultOAuthServerSettings, type OAuthServerSettings } from '../../oauth-server/config/settings.ts'
import type { FailureLimits } from '../../oauth-server/failed-authentications.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { captureLog } from './captured-log.ts'
import { createSqlite, type TestDatabase } from './databases.ts'

/** What the tests need of a tap test. */
interface Teardown {
  teardown(work: () => Promise<void>): void
}

/** An authorization server on a real socket, with a clock that the test moves and a second way into its database. */
export interface TestServer {
  readonly url: string
  readonly adminUrl: string
  readonly db: Database
  readonly database: TestDatabase
  readonly registry: ClientRegistry
  readonly logLines: readonly string[]
  readonly clock: { now: number }
  create(wanted?: Partial<NewClient>): Promise<ClientWithSecret>
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Response>
}

export async function startTestServer(
  t: Teardown,
  overrides: Partial<OAuthServerSettings> = {},
  createDatabase: () => Promise<TestDatabase> = createSqlite,
): Promise<TestServer> {
  const database = await createDatabase()
  const { lines, log } = captureLog()
  const clock = { now: Date.now() }
  const settings = defaultOAuthServerSettings({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    database: database.url,
    failureLimits: unlimitedFailures,
    ...overrides,
  })
  const server = await startOAuthServer(settings, log, () => clock.now)
  const db = await openDatabase(database.url)
  const registry = new ClientRegistry(db, { now: () => clock.now, random: randomBytes })
  t.teardown(async () => {
    await server.close()
    await db.destroy()
    await database.drop()
  })
  return {
    url: server.url,
    adminUrl: server.adminUrl,
    db,
    database,
    registry,
    logLines: lines,
    clock,
    create: async (wanted = {}) => {
      await makeResources(db, wanted.audiences ?? [])
      return withSecret(
        await registry.create({ ...ordinaryClient, ...wanted }, tester, { createRoles: true }),
      )
    },
    post: (path, form, headers) => postForm(server.url + path, form, headers),
  }
}

/** The resources that a client's tokens are to be for; one that is there already stays. */
async function makeResources(db: Database, uris: readonly string[]): Promise<void> {
  const resources = new ResourceRegistry(db, new Changes(db, Date.now))
  const known = (await resources.list()).map(({ uri }) => uri)
  for (const uri of uris) if (!known.includes(uri)) await resources.create({ uri, name: uri }, tester)
}

export function postForm(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })
}

/** For tests that fail to authenticate for other reasons than to be limited. */
const unlimitedFailures: FailureLimits = {
  windowMs: 60_000,
  perClientAndAddress: 1_000_000,
  perAddress: 1_000_000,
  perClient: 1_000_000,
}

/** Who makes clients in tests. */
export const tester = { id: 'tester', address: null }

/** A client that authenticates by a secret. */
export type ClientWithSecret = CreatedClient & { readonly secret: string }

export function withSecret({ client, secret }: CreatedClient): ClientWithSecret {
  if (secret === undefined) throw new Error(`the client ${client.id} has no secret`)
  return { client, secret }
}

export const ordinaryClient: NewClient = {
  name: 'Tracks',
  roles: ['USER'],
  scopes: ['user'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['client_credentials'],
}

/** A client that may look tokens up, as the gateway's. */
export const resourceServer: Partial<NewClient> = { name: 'Gateway', roles: [], scopes: ['introspect'] }

/** An application in its users' hands, which can keep no secret. */
export const publicClient: NewClient = {
  name: 'Player',
  roles: [],
  scopes: ['user', 'introspect'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['authorization_code', 'refresh_token'],
  authMethod: 'none',
  redirectUris: ['https://player.example/done'],
}

export function basic({ client, secret }: ClientWithSecret): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}` }
}

/** The client's credentials as form parameters. */
export function formCredentials({ client, secret }: ClientWithSecret) {
  return { client_id: client.id, client_secret: secret }
}

/** An access token, and a refresh token where the client may have one. */
export async function obtainTokens(server: TestServer, client: ClientWithSecret, scope = '') {
  const response = await server.post(
    '/oauth/token',
    { grant_type: 'client_credentials', scope },
    basic(client),
  )
  return (await response.json()) as { access_token: string; refresh_token: string; scope: string }
}

/** Has every token of the server act for a user. */
export async function actForUser(db: Database): Promise<void> {
  await db
    .insertInto('users')
    .values({
      id: 'user-7',
      username: 'ada',
      username_key: 'ada',
      display_name: 'Ada Lovelace',
      password_hash: null,
      entitlements: 'gold sport',
      created_at: 1,
      updated_at: 1,
      disabled_at: null,
    })
    .execute()
  for (const table of ['token_families', 'access_tokens', 'refresh_tokens'] as const)
    await db.updateTable(table).set({ user_id: 'user-7' }).execute()
}
