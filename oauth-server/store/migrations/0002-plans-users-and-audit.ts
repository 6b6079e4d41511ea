import { type CreateTableBuilder, type Kysely, SqliteAdapter, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * Secrets leave the clients' table, so that a client can have two at a time; a client gets its plan and what the
 * authorization code needs; users, roles, plans and the audit trail come.
 */
export const plansUsersAndAudit: Migration = {
  async up(db: Kysely<unknown>) {
    await createRoles(db)
    await createPlans(db)
    await createUsers(db)
    await createClientSecrets(db)
    await extendClients(db)
    await extendTokens(db)
    await createAuditTrail(db)
  },
}

async function createRoles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('roles')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function createPlans(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('plans')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('roles', 'text', (column) => column.notNull())
    .addColumn('rate_limit', 'bigint', (column) => column.notNull())
    .addColumn('rate_limit_window_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('username', 'text', (column) => column.notNull())
    .addColumn('username_key', 'text', (column) => column.notNull().unique())
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text')
    .addColumn('entitlements', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('disabled_at', 'bigint')
    .execute()
  await db.schema.createIndex('users_created_at').on('users').columns(['created_at', 'id']).execute()
}

async function createClientSecrets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('client_secrets')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('last_four', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .execute()
  await db.schema.createIndex('client_secrets_client_id').on('client_secrets').column('client_id').execute()
  // Its last characters were never stored: a secret of before is told by its age.
  await sql`insert into client_secrets (id, client_id, hash, last_four, created_at)
    select id, id, secret_hash, '', created_at from clients`.execute(db)
  await db.schema.alterTable('clients').dropColumn('secret_hash').execute()
}

async function extendClients(db: Kysely<unknown>): Promise<void> {
  const text = (name: string, value: string) =>
    db.schema.alterTable('clients').addColumn(name, 'text', (column) => column.notNull().defaultTo(value))
  const number = (name: string) =>
    db.schema.alterTable('clients').addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
  await text('name_key', '').execute()
  await sql`update clients set name_key = lower(name)`.execute(db)
  await db.schema
    .alterTable('clients')
    .addColumn('plan_id', 'text', (column) => column.references('plans.id'))
    .execute()
  await text('auth_method', 'client_secret').execute()
  await db.schema.alterTable('clients').addColumn('jwks', 'text').execute()
  await text('redirect_uris', '').execute()
  await text('audiences', '').execute()
  await text('token_format', 'opaque').execute()
  for (const lifetime of ['access_token_lifetime_ms', 'refresh_token_lifetime_ms'])
    await db.schema.alterTable('clients').addColumn(lifetime, 'bigint').execute()
  await number('skips_consent').execute()
  await number('allows_get_token').execute()
  await number('updated_at').execute()
  await sql`update clients set updated_at = created_at`.execute(db)
  for (const columns of [['created_at', 'id'], ['name_key', 'id'], ['plan_id']])
    await db.schema.createIndex(`clients_${columns[0]}`).on('clients').columns(columns).execute()
}

/** Whose user a token is for, and which resources it is for; and the indexes that a client's tokens are found by. */
async function extendTokens(db: Kysely<unknown>): Promise<void> {
  for (const table of ['token_families', 'access_tokens', 'refresh_tokens']) {
    await db.schema
      .alterTable(table)
      .addColumn('user_id', 'text', (column) => column.references('users.id').onDelete('cascade'))
      .execute()
    await db.schema
      .alterTable(table)
      .addColumn('audience', 'text', (column) => column.notNull().defaultTo(''))
      .execute()
    await db.schema.createIndex(`${table}_client_id`).on(table).column('client_id').execute()
    await indexWhereSet(db, table, 'user_id')
  }
  // Most access tokens have neither family nor user, and each index is a page more to write.
  await db.schema.dropIndex('access_tokens_family_id').execute()
  await indexWhereSet(db, 'access_tokens', 'family_id')
}

async function indexWhereSet(db: Kysely<unknown>, table: string, column: string): Promise<void> {
  await sql`create index ${sql.ref(`${table}_${column}`)} on ${sql.table(table)} (${sql.ref(column)})
    where ${sql.ref(column)} is not null`.execute(db)
}

async function createAuditTrail(db: Kysely<unknown>): Promise<void> {
  const table: CreateTableBuilder<string> = db.schema.createTable('audit_entries')
  await table
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('audit_entries_at').on('audit_entries').columns(['at', 'id']).execute()
  await db.schema.createIndex('audit_entries_target').on('audit_entries').columns(['target', 'at']).execute()
  await forbidChanges(db)
}

/** Append-only is the database's own word: not even a fault of this program rewrites history. */
async function forbidChanges(db: Kysely<unknown>): Promise<void> {
  if (db.getExecutor().adapter instanceof SqliteAdapter) {
    for (const event of ['update', 'delete'])
      await sql`create trigger ${sql.raw(`audit_entries_no_${event}`)} before ${sql.raw(event)} on audit_entries
        begin select raise(abort, 'the audit trail is append-only'); end`.execute(db)
    return
  }
  await sql`create function refuse_audit_change() returns trigger language plpgsql as
    $$ begin raise exception 'the audit trail is append-only'; end $$`.execute(db)
  await sql`create trigger audit_entries_no_change before update or delete or truncate on audit_entries
    for each statement execute function refuse_audit_change()`.execute(db)
}
