import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { parseDatabaseUrl } from '../common/database-url.ts'
import { durationInMs, durationRule, parseDuration } from '../common/duration.ts'
import { formatQuota } from '../common/quota.ts'
import { ClientRegistry, ClientRuleBroken, type NewClient } from '../oauth-server/clients/client-registry.ts'
import { defaultOAuthServerSettings, readOAuthServerConfig } from '../oauth-server/config/settings.ts'
import type { Client } from '../oauth-server/store/client-repository.ts'
import { openDatabase } from '../oauth-server/store/open-database.ts'

/** Options of every client command: where the clients are kept, and how the answer is printed. */
interface SharedOptions {
  readonly config?: string
  readonly database?: string
  readonly json?: boolean
}

interface CreateOptions extends SharedOptions {
  readonly name: string
  readonly roles: string
  readonly scopes: string
  readonly rateLimit: string
  readonly window: string
  readonly refreshTokens?: boolean
}

/** `passerelle client …`: the clients of the authorization server, which may run meanwhile. */
export function clientCommand(): Command {
  return new Command('client')
    .description('make, list and show the clients that may have tokens')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
}

function createCommand(): Command {
  return withSharedOptions(new Command('create'))
    .description('make a client; its secret is printed once')
    .requiredOption('--name <name>', 'what people call it, 1 to 100 characters')
    .option('--roles <roles>', 'roles that backends see, separated by commas', '')
    .option('--scopes <scopes>', 'scopes that its tokens may have, separated by commas', 'user')
    .option('--rate-limit <requests>', 'requests that it may make in a window', '1000')
    .option('--window <duration>', 'length of the window, such as 1m, 1h or 1d', '1h')
    .option('--refresh-tokens', 'give it refresh tokens too')
    .action(async (options: CreateOptions) => {
      const wanted = toNewClient(options)
      const { client, secret } = await withRegistry(databaseOf(options), (registry) =>
        registry.create(wanted),
      )
      if (options.json) printJson({ ...toJson(client), client_secret: secret })
      else console.log(`${describe(client)}\nsecret      ${secret}\n\n${secretWarning}`)
    })
}

const secretWarning = 'Keep the secret now: it is shown this once and cannot be read again.'

function listCommand(): Command {
  return withSharedOptions(new Command('list'))
    .description('list the clients, oldest first')
    .action(async (options: SharedOptions) => {
      const clients = await withExistingRegistry(options, (registry) => registry.list())
      if (options.json) printJson(clients.map(toJson))
      else for (const client of clients) console.log(summarize(client))
    })
}

function showCommand(): Command {
  return withSharedOptions(new Command('show'))
    .description('show one client')
    .argument('<id>', 'its client id')
    .action(async (id: string, options: SharedOptions) => {
      const client = await withExistingRegistry(options, (registry) => registry.show(id))
      if (options.json) printJson(toJson(client))
      else console.log(describe(client))
    })
}

function withSharedOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--config <file>', "the authorization server's configuration file").conflicts('database'),
    )
    .option('--database <url>', "the authorization server's database (default: sqlite:.data/oauth-server.db)")
    .option('--json', 'print JSON')
}

/** Looks into a database that is there: one that a mistyped name would make is empty, and says nothing. */
async function withExistingRegistry<T>(
  options: SharedOptions,
  work: (registry: ClientRegistry) => Promise<T>,
): Promise<T> {
  const url = databaseOf(options)
  const location = parseDatabaseUrl(url)
  if (location?.kind === 'sqlite' && !existsSync(location.file))
    throw new Error(`there is no database ${location.file}: name the right one with --database or --config`)
  return withRegistry(url, work)
}

async function withRegistry<T>(url: string, work: (registry: ClientRegistry) => Promise<T>): Promise<T> {
  const db = await openDatabase(url)
  try {
    return await work(new ClientRegistry(db, { now: Date.now, random: randomBytes }))
  } finally {
    await db.destroy()
  }
}

function databaseOf({ config, database }: SharedOptions): string {
  if (database !== undefined) return database
  return config === undefined
    ? defaultOAuthServerSettings().database
    : readOAuthServerConfig(config, process.env).database
}

function toNewClient(options: CreateOptions): NewClient {
  if (!/^\d{1,12}$/.test(options.rateLimit))
    throw new ClientRuleBroken(
      'rate limit',
      options.rateLimit,
      'must be a whole number of requests, of at most 12 digits',
    )
  if (parseDuration(options.window) === undefined)
    throw new ClientRuleBroken('window', options.window, durationRule)
  return {
    name: options.name,
    roles: splitCommas(options.roles),
    scopes: splitCommas(options.scopes),
    quota: { limit: Number(options.rateLimit), windowMs: durationInMs(options.window) },
    grantTypes: options.refreshTokens ? ['client_credentials', 'refresh_token'] : ['client_credentials'],
  }
}

function splitCommas(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}

function toJson(client: Client): Record<string, unknown> {
  return {
    client_id: client.id,
    name: client.name,
    roles: client.roles,
    scopes: client.scopes,
    rate_limit: client.quota.limit,
    rate_limit_window: client.quota.windowMs / 1_000,
    grant_types: client.grantTypes,
    created_at: new Date(client.createdAt).toISOString(),
    disabled: client.disabledAt !== null,
  }
}

function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2))
}

function summarize(client: Client): string {
  return [client.id, client.name, client.roles.join(','), formatQuota(client.quota)].join('\t')
}

function describe(client: Client): string {
  return [
    `id          ${client.id}`,
    `name        ${client.name}`,
    `roles       ${client.roles.join(', ')}`,
    `scopes      ${client.scopes.join(', ')}`,
    `quota       ${formatQuota(client.quota)}`,
    `grants      ${client.grantTypes.join(', ')}`,
    `created     ${new Date(client.createdAt).toISOString()}`,
    ...(client.disabledAt === null ? [] : [`disabled    ${new Date(client.disabledAt).toISOString()}`]),
  ].join('\n')
}
