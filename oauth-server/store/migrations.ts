import type { Kysely } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

const createClientsAndTokens: Migration = {
  async up(db: Kysely<unknown>) {
    await createClients(db)
    await createTokenFamilies(db)
    await createAccessTokens(db)
    await createRefreshTokens(db)
    for (const table of ['token_families', 'access_tokens', 'refresh_tokens'])
      await db.schema.createIndex(`${table}_expires_at`).on(table).column('expires_at').execute()
    for (const table of ['access_tokens', 'refresh_tokens'])
      await db.schema.createIndex(`${table}_family_id`).on(table).column('family_id').execute()
  },
}

/** Every change of the tables, in the order of the names; a released one is never edited. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001-clients-and-tokens': createClientsAndTokens,
}

const provider: MigrationProvider = { getMigrations: async () => migrations }

/**
 * Brings the tables up to date, in one transaction. Two processes that start at once are safe: the second waits (for
 * SQLite's write lock or Postgres' advisory lock) and finds the work done.
 */
export async function migrate<Schema>(db: Kysely<Schema>): Promise<void> {
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw error
}

async function createClients(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('roles', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('grant_types', 'text', (column) => column.notNull())
    .addColumn('rate_limit', 'bigint', (column) => column.notNull())
    .addColumn('rate_limit_window_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('disabled_at', 'bigint')
    .execute()
}

async function createTokenFamilies(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('token_families')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
}

async function createAccessTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('access_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('last_four', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('family_id', 'text', (column) => column.references('token_families.id').onDelete('cascade'))
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function createRefreshTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('refresh_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('last_four', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('family_id', 'text', (column) =>
      column.notNull().references('token_families.id').onDelete('cascade'),
    )
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('consumed_at', 'bigint')
    .execute()
}
