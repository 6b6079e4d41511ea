import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ClientRegistry, type NewClient } from '../../oauth-server/clients/client-registry.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Contestant } from '../contestants.ts'
import { freePorts } from '../free-ports.ts'
import { cores, type Stage } from '../stage.ts'

/** Who may ask a server, as it authenticates. */
export interface Credentials {
  readonly id: string
  readonly secret: string
}

/** An authorization server that runs on the core of contestants. */
export interface OAuthServer {
  readonly name: string
  readonly pid: number
  readonly tokenUrl: string
  readonly introspectionUrl: string
  /** Who asks for tokens. */
  readonly clients: readonly Credentials[]
  /** Who asks what tokens stand for. */
  readonly resourceServer: Credentials
}

/** Clients that ask for tokens, in turn. */
const clientCount = 16

const ordinary: NewClient = {
  name: 'Bench',
  roles: ['USER', 'PARTNER'],
  scopes: ['user'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['client_credentials'],
}

/** In what one Passerelle differs from another. */
export interface PasserelleOptions {
  readonly name: string
  /** Makes JWTs by this algorithm, where it is given. */
  readonly signingAlgorithm?: 'ES256' | 'EdDSA'
  /** A SQLite file of its own, where none is given. */
  readonly database?: string
  /** More clients, and tokens of theirs, put into the database before the server starts. */
  readonly fill?: (database: string) => Promise<void>
}

/** Starts the server as `passerelle oauth-server --config` does, with its defaults, on a database with a few clients. */
export async function startPasserelle(
  stage: Stage,
  { name, signingAlgorithm, fill, database = `sqlite:${fileOf(stage, name)}` }: PasserelleOptions,
): Promise<OAuthServer> {
  const tokenFormat = signingAlgorithm === undefined ? 'opaque' : 'jwt'
  const db = await openDatabase(database)
  const registry = new ClientRegistry(db, { now: Date.now, random: randomBytes })
  const create = async (wanted: NewClient): Promise<Credentials> => {
    const made = await registry.create(wanted, { id: 'bench', address: null }, { createRoles: true })
    return { id: made.client.id, secret: made.secret ?? '' }
  }
  const clients: Credentials[] = []
  while (clients.length < clientCount) clients.push(await create({ ...ordinary, tokenFormat }))
  const resourceServer = await create({ ...ordinary, scopes: ['introspect'] })
  await db.destroy()
  await fill?.(database)

  const [port = 0] = await freePorts(1)
  const config = stringify({
    listen: `127.0.0.1:${port}`,
    admin: '127.0.0.1:0',
    database,
    ...(signingAlgorithm && { signingAlgorithm }),
  })
  const program = join(import.meta.dirname, '../contestants/oauth-server.ts')
  const command = [process.execPath, program, '--config', stage.write(`${name}.yaml`, config)]
  const pid = stage.start({ name, core: cores.contestants, command })
  const url = `http://127.0.0.1:${port}`
  await stage.untilItAnswers(name, `${url}/healthz`)
  return {
    ...{ name, pid, clients, resourceServer },
    tokenUrl: `${url}/oauth/token`,
    introspectionUrl: `${url}/oauth/introspect`,
  }
}

/** Starts oidc-provider with the same clients, in memory, and its tokens in a SQLite file. */
export async function startOidcProvider(stage: Stage): Promise<OAuthServer> {
  const name = 'oidc-provider'
  const file = fileOf(stage, name)
  const clients = Array.from({ length: clientCount + 1 }, (_, index) => ({
    client_id: `client-${index}`,
    client_secret: randomBytes(32).toString('hex'),
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'user',
  }))
  const [port = 0] = await freePorts(1)
  const program = join(import.meta.dirname, 'rivals/oidc-provider.ts')
  const command = [process.execPath, program, String(port), file, JSON.stringify(clients)]
  const pid = stage.start({ name, core: cores.contestants, command })
  const url = `http://127.0.0.1:${port}`
  await stage.untilItAnswers(name, `${url}/.well-known/openid-configuration`)
  const [resourceServer = nobody, ...others] = clients.map(({ client_id: id, client_secret: secret }) => ({
    id,
    secret,
  }))
  return {
    ...{ name, pid, clients: others, resourceServer },
    tokenUrl: `${url}/token`,
    introspectionUrl: `${url}/token/introspection`,
  }
}

const nobody: Credentials = { id: '', secret: '' }

/** Where a server that was given no other database has its rows. */
export function fileOf(stage: Stage, name: string): string {
  return join(stage.folder, `${name}.db`)
}

/** A line of forms.lua. */
export interface FormRequest {
  readonly by: Credentials
  readonly form: Readonly<Record<string, string>>
}

/** What is to be measured of a server: these requests to one of its endpoints, in turn. */
export function contestantOf(
  stage: Stage,
  { name, pid }: OAuthServer,
  { url, requests }: { url: string; requests: readonly FormRequest[] },
): Contestant {
  const lines = requests.map(({ by, form }) => `${basic(by)}\t${new URLSearchParams(form).toString()}\n`)
  const file = stage.write(`${name}-${new URL(url).pathname.replaceAll('/', '-')}.txt`, lines.join(''))
  return { name, pid, url, script: [join(import.meta.dirname, 'forms.lua'), file] }
}

/** Token requests of these clients. */
export function tokenRequests(clients: readonly Credentials[]): readonly FormRequest[] {
  return clients.map((by) => ({ by, form: { grant_type: 'client_credentials', scope: 'user' } }))
}

/** Sends one request, and reads its answer. */
export async function ask(
  url: string,
  { by, form }: FormRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: basic(by) }
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}: ${text}`)
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

function basic({ id, secret }: Credentials): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}
