import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { parseDatabaseUrl } from '../common/database-url.ts'
import {
  defaultOAuthServerSettings,
  type OAuthServerSettings,
  readOAuthServerConfig,
} from '../oauth-server/config/settings.ts'
import { openDatabase } from '../oauth-server/store/open-database.ts'
import type { Database } from '../oauth-server/store/tables.ts'

/** Options of every command that works on the authorization server's database, and how the answer is printed. */
export interface StoreOptions {
  readonly config?: string
  readonly database?: string
  readonly json?: boolean
}

export function withStoreOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--config <file>', "the authorization server's configuration file").conflicts('database'),
    )
    .option('--database <url>', "the authorization server's database (default: sqlite:.data/oauth-server.db)")
    .option('--json', 'print JSON')
}

/** The server's settings as far as the options tell them. */
export function settingsOf({ config, database }: StoreOptions): OAuthServerSettings {
  if (config !== undefined) return readOAuthServerConfig(config, process.env)
  return defaultOAuthServerSettings(database === undefined ? {} : { database })
}

/** Works on a database, which is made where it is missing. */
export async function withStore<T>(
  { database }: OAuthServerSettings,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await openDatabase(database)
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

/** Works on a database that is there: one that a mistyped name would make is empty, and says nothing. */
export function withExistingStore<T>(
  settings: OAuthServerSettings,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const location = parseDatabaseUrl(settings.database)
  if (location?.kind === 'sqlite' && !existsSync(location.file))
    throw new Error(`there is no database ${location.file}: name the right one with --database or --config`)
  return withStore(settings, work)
}

export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2))
}
