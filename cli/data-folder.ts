import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { makeFolder } from '../common/make-folder.ts'
import { ClientNotFound, ClientRegistry, type NewClient } from '../oauth-server/clients/client-registry.ts'
import { openDatabase } from '../oauth-server/store/open-database.ts'
import type { Database } from '../oauth-server/store/tables.ts'
import { UserRepository } from '../oauth-server/store/user-repository.ts'
import { PasswordHasher } from '../oauth-server/users/password-hasher.ts'
import { UserRegistry } from '../oauth-server/users/user-registry.ts'

const credentials = Type.Object({ id: Type.String(), secret: Type.String() })

/** What the platform remembers of the clients that it made for itself. */
const platformClients = Type.Object({
  /** As whom the gateway asks the identity provider. */
  gateway: credentials,
  /** A partner to try things out with. */
  demo: credentials,
  /** An application that acts for users, and a user; it has no secret. */
  app: Type.Object({ id: Type.String() }),
  user: Type.Object({ username: Type.String(), password: Type.String() }),
})

/** A client's credentials, as the platform keeps them for its own use. */
export type Credentials = Static<typeof credentials>

/** The clients without which a fresh platform would do nothing. */
export type PlatformClients = Static<typeof platformClients>

const gatewayClient: NewClient = {
  name: 'Gateway',
  roles: [],
  scopes: ['introspect'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['client_credentials'],
}

/** A small quota, so that it can be seen to end. */
export const demoClient: NewClient = {
  name: 'Demo partner',
  roles: ['USER'],
  scopes: ['user'],
  quota: { limit: 20, windowMs: 60_000 },
  grantTypes: ['client_credentials', 'refresh_token'],
}

/** A native application: its redirect URI has any port. */
const demoApplication: NewClient = {
  name: 'Demo application',
  roles: ['USER'],
  scopes: ['user'],
  quota: demoClient.quota,
  grantTypes: ['authorization_code', 'refresh_token'],
  authMethod: 'none',
  redirectUris: ['http://127.0.0.1/callback'],
}

/** The platform's own gateway, as its configuration file says it; `start` fills in what depends on the machine. */
const gatewayConfig = `# The gateway that "passerelle start" runs. Written once: edit it as you like, then start again.
# "passerelle start" sets the variables; docs/configuration.md lists every option.
listen: \${GATEWAY_LISTEN:-127.0.0.1:8080}
admin: \${GATEWAY_ADMIN:-127.0.0.1:8090}
identity:
  verify:
    url: \${OAUTH_SERVER_URL:-http://127.0.0.1:8081}/oauth/verifToken
    clientId: \${GATEWAY_CLIENT_ID}
    clientSecret: \${GATEWAY_CLIENT_SECRET}
  # A token that is fetched through the gateway is known to it before its first call.
  tokenEndpoint: /oauth/token
routes:
  /oauth/token: { to: "\${OAUTH_SERVER_URL:-http://127.0.0.1:8081}", auth: none, passAuthorization: true }
  /api1: { to: "\${PROGRAMS_URL:-http://127.0.0.1:8082}", roles: [USER, EDITOR], queryToken: true }
  /api2: { to: "\${OPEN_API_URL:-http://127.0.0.1:8083}", auth: none }
# By this secret the oauth-server tells the gateway at once when tokens are revoked or clients change.
revocation: { secret: "\${REVOCATION_SECRET}" }
logLevel: \${LOG_LEVEL:-info}
`

/** Who makes them, for the audit trail. */
const starter = { id: 'passerelle start', address: null }

/** Where the platform keeps its things, for the person who started it alone. */
export class DataFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    makeFolder(path)
  }

  get database(): string {
    return `sqlite:${join(this.#path, 'oauth-server.db')}`
  }

  get gatewayConfig(): string {
    return join(this.#path, 'gateway.yaml')
  }

  /** Writes the gateway's configuration unless it is there: whoever has edited it keeps what they wrote. */
  ensureGatewayConfig(): void {
    if (!existsSync(this.gatewayConfig)) writeFileSync(this.gatewayConfig, gatewayConfig, { mode: 0o600 })
  }

  /** What the oauth-server presents to the gateway when it tells it of revocations; made at the first start. */
  ensureRevocationSecret(): string {
    const file = join(this.#path, 'revocation-secret')
    const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
    if (/^[\w-]{43}$/.test(kept)) return kept
    const secret = randomBytes(32).toString('base64url')
    writeFileSync(file, `${secret}\n`, { mode: 0o600 })
    return secret
  }

  /** The platform's clients, made at the first start, and again when their database is gone. */
  async ensureClients(): Promise<PlatformClients> {
    const file = join(this.#path, 'clients.json')
    const db = await openDatabase(this.database)
    try {
      const registry = new ClientRegistry(db, { now: Date.now, random: randomBytes })
      const kept = readClients(file)
      if (kept !== undefined && (await areKnown(registry, kept))) return kept
      const clients = {
        gateway: await create(registry, gatewayClient),
        demo: await create(registry, demoClient),
        app: { id: (await create(registry, demoApplication)).id },
        user: await createUser(db),
      }
      writeFileSync(file, `${JSON.stringify(clients, null, 2)}\n`, { mode: 0o600 })
      return clients
    } finally {
      await db.destroy()
    }
  }
}

/** The user `demo`, who gets a new password where they are there already. */
async function createUser(db: Database): Promise<PlatformClients['user']> {
  const registry = new UserRegistry(db, { now: Date.now, hasher: new PasswordHasher(randomBytes) })
  const user = { username: 'demo', password: randomBytes(9).toString('base64url') }
  const known = await new UserRepository(db).findByUsername(user.username)
  if (known === undefined) await registry.create(user, starter)
  else await registry.setPassword(known.id, user.password, starter)
  return user
}

async function create(registry: ClientRegistry, wanted: NewClient): Promise<Credentials> {
  const { client, secret } = await registry.create(wanted, starter, { createRoles: true })
  return { id: client.id, secret: secret ?? '' }
}

async function areKnown(registry: ClientRegistry, { gateway, demo, app }: PlatformClients): Promise<boolean> {
  try {
    await Promise.all([gateway, demo, app].map(({ id }) => registry.show(id)))
    return true
  } catch (error) {
    if (error instanceof ClientNotFound) return false
    throw error
  }
}

/** Reads what an earlier start wrote; a file that is something else is made anew. */
function readClients(file: string): PlatformClients | undefined {
  if (!existsSync(file)) return undefined
  try {
    const clients: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Value.Check(platformClients, clients) ? clients : undefined
  } catch {
    return undefined
  }
}
