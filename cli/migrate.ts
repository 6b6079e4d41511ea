import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { parseDatabaseUrl } from '../common/database-url.ts'
import { migrationState } from '../oauth-server/store/migrate.ts'
import { bringUpToDate, connect } from '../oauth-server/store/open-database.ts'
import { printJson, type StoreOptions, settingsOf, withStoreOptions } from './store-options.ts'

interface MigrateOptions extends StoreOptions {
  readonly check?: boolean
}

/** `passerelle migrate`: brings the authorization server's database up to date, or only says what it lacks. */
export function migrateCommand(): Command {
  return withStoreOptions(new Command('migrate'))
    .description('bring the database of the authorization server up to date')
    .option('--check', 'only look: end with 1 when something is missing')
    .action(async (options: MigrateOptions) => {
      const { database } = settingsOf(options)
      const names = options.check
        ? await missing(database)
        : await withConnection(database, (db) => bringUpToDate(db, database))
      if (options.json) printJson({ [options.check ? 'missing' : 'done']: names })
      else console.log(describe(names, options))
      if (options.check && names.length > 0) process.exitCode = 1
    })
}

async function missing(url: string): Promise<readonly string[]> {
  const location = parseDatabaseUrl(url)
  // Looking would make it.
  if (location?.kind === 'sqlite' && !existsSync(location.file))
    throw new Error(`there is no database ${location.file}: name the right one with --database or --config`)
  return withConnection(url, async (db) => (await migrationState(db)).missing)
}

async function withConnection<T>(
  url: string,
  work: (db: ReturnType<typeof connect>) => Promise<T>,
): Promise<T> {
  const db = connect(url)
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

function describe(names: readonly string[], { check }: MigrateOptions): string {
  if (names.length === 0) return 'the database is up to date'
  return names.map((name) => `${check ? 'missing' : 'done'}  ${name}`).join('\n')
}
