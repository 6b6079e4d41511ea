import type { Kysely } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'
import { clientsAndTokens } from './migrations/0001-clients-and-tokens.ts'
import { plansUsersAndAudit } from './migrations/0002-plans-users-and-audit.ts'
import { signingKeysAndResources } from './migrations/0003-signing-keys-and-resources.ts'
import { clientAssertions } from './migrations/0004-client-assertions.ts'
import { codesSessionsAndConsents } from './migrations/0005-codes-sessions-and-consents.ts'
import { rolesAndSearch } from './migrations/0006-roles-and-search.ts'
import { revocationPushes } from './migrations/0007-revocation-pushes.ts'
import { revocationsFirst } from './migrations/0008-revocations-first.ts'

/** Every change of the tables, in the order of the names; a released one is never edited. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001-clients-and-tokens': clientsAndTokens,
  '0002-plans-users-and-audit': plansUsersAndAudit,
  '0003-signing-keys-and-resources': signingKeysAndResources,
  '0004-client-assertions': clientAssertions,
  '0005-codes-sessions-and-consents': codesSessionsAndConsents,
  '0006-roles-and-search': rolesAndSearch,
  '0007-revocation-pushes': revocationPushes,
  '0008-revocations-first': revocationsFirst,
}

const provider: MigrationProvider = { getMigrations: async () => migrations }

/** The database was brought up to date by a newer version of this program, whose tables this one does not know. */
export class DatabaseTooNew extends Error {
  constructor(migration: string) {
    super(
      `it has the change ${JSON.stringify(migration)}, which this version of passerelle does not know: run the version that made it, or a later one`,
    )
    this.name = 'DatabaseTooNew'
  }
}

/** What a database has been through, and what it still lacks; names of migrations in their order. */
export interface MigrationState {
  readonly done: readonly string[]
  readonly missing: readonly string[]
}

/** Looks, and changes nothing. Throws {@link DatabaseTooNew}. */
export async function migrationState<Schema>(db: Kysely<Schema>): Promise<MigrationState> {
  const done = await doneMigrations(db)
  const unknown = done.find((name) => !Object.hasOwn(migrations, name))
  if (unknown !== undefined) throw new DatabaseTooNew(unknown)
  return { done, missing: Object.keys(migrations).filter((name) => !done.includes(name)) }
}

/**
 * Brings the tables up to date, in one transaction, and returns the names of what was missing. Two processes that start
 * at once are safe: the second waits (for SQLite's write lock or Postgres' advisory lock) and finds the work done.
 * Throws {@link DatabaseTooNew}, and then has changed nothing.
 */
export async function migrate<Schema>(db: Kysely<Schema>): Promise<readonly string[]> {
  await migrationState(db)
  const { error, results = [] } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw error
  return results.map(({ migrationName }) => migrationName)
}

/** The migrations that Kysely's own table names; none where there is no such table yet. */
async function doneMigrations<Schema>(db: Kysely<Schema>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const rows = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}
