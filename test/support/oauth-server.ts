import { randomBytes } from 'node:crypto'
import {
  ClientRegistry,
  type CreatedClient,
  type NewClient,
} from '../../oauth-server/clients/client-registry.ts'
import { defaultOAuthServerSettings, type OAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'
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
  readonly db: Database
  readonly database: TestDatabase
  readonly registry: ClientRegistry
  readonly logLines: readonly string[]
  readonly clock: { now: number }
  create(wanted?: Partial<NewClient>): Promise<CreatedClient>
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
    database: database.url,
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
    db,
    database,
    registry,
    logLines: lines,
    clock,
    create: (wanted = {}) => registry.create({ ...ordinaryClient, ...wanted }),
    post: (path, form, headers = {}) =>
      fetch(server.url + path, { method: 'POST', body: new URLSearchParams(form), headers }),
  }
}

const ordinaryClient: NewClient = {
  name: 'Tracks',
  roles: ['USER'],
  scopes: ['user'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['client_credentials'],
}

/** A client that may look tokens up, as the gateway's. */
export const resourceServer: Partial<NewClient> = { name: 'Gateway', roles: [], scopes: ['introspect'] }

export function basic({ client, secret }: CreatedClient): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}` }
}

/** The client's credentials as form parameters. */
export function formCredentials({ client, secret }: CreatedClient) {
  return { client_id: client.id, client_secret: secret }
}

/** An access token, and a refresh token where the client may have one. */
export async function obtainTokens(server: TestServer, client: CreatedClient, scope = '') {
  const response = await server.post(
    '/oauth/token',
    { grant_type: 'client_credentials', scope },
    basic(client),
  )
  return (await response.json()) as { access_token: string; refresh_token: string; scope: string }
}
