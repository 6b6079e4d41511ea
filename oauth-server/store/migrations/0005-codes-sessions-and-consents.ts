import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What the authorization code grant needs: the codes, the sessions of users' browsers and what users have consented to. */
export const codesSessionsAndConsents: Migration = {
  async up(db: Kysely<unknown>) {
    await createCodes(db)
    await createSessions(db)
    await createConsents(db)
  },
}

async function createCodes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('authorization_codes')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('redirect_uri', 'text')
    .addColumn('code_challenge', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('family_id', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('kept_until', 'bigint', (column) => column.notNull())
    .addColumn('consumed_at', 'bigint')
    .execute()
  for (const column of ['client_id', 'user_id', 'kept_until'])
    await db.schema
      .createIndex(`authorization_codes_${column}`)
      .on('authorization_codes')
      .column(column)
      .execute()
}

async function createSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  for (const column of ['user_id', 'expires_at'])
    await db.schema.createIndex(`sessions_${column}`).on('sessions').column(column).execute()
}

async function createConsents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('consents')
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('granted_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('consents_key', ['user_id', 'client_id', 'audience'])
    .execute()
  await db.schema.createIndex('consents_client_id').on('consents').column('client_id').execute()
}
