import { type Kysely, SqliteAdapter, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * Roles become data that a client refers to; clients, tokens and the audit trail get the indexes that an administrator's
 * lists are read by.
 */
export const rolesAndSearch: Migration = {
  async up(db: Kysely<unknown>) {
    await seedRoles(db as Kysely<RolesBefore>)
    await createClientRoles(db as Kysely<RolesBefore>)
    await markAdmins(db)
    await indexClients(db)
    await indexTokens(db)
    for (const column of ['actor', 'action'])
      await db.schema
        .createIndex(`audit_entries_${column}`)
        .on('audit_entries')
        .columns([column, 'at'])
        .execute()
  },
}

/** What this change reads, as it was before. */
interface RolesBefore {
  clients: { id: string; roles: string }
  plans: { roles: string }
  roles: { name: string; description: string; created_at: number }
}

/** Whatever clients and plans have been given so far is known from now on. */
async function seedRoles(db: Kysely<RolesBefore>): Promise<void> {
  const lists = [
    ...(await db.selectFrom('clients').select('roles').distinct().execute()),
    ...(await db.selectFrom('plans').select('roles').distinct().execute()),
  ]
  const names = new Set(lists.flatMap(({ roles }) => roles.split(' ')).filter((name) => name !== ''))
  for (const name of [...names].sort())
    await db
      .insertInto('roles')
      .values({ name, description: '', created_at: 0 })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute()
}

async function createClientRoles(db: Kysely<RolesBefore>): Promise<void> {
  await db.schema
    .createTable('client_roles')
    .addColumn('role', 'text', (column) => column.notNull().references('roles.name'))
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addPrimaryKeyConstraint('client_roles_key', ['role', 'client_id'])
    .execute()
  // `like` tells no upper case from lower on SQLite: what is gone when the role is taken out was there.
  for (const { name } of await db.selectFrom('roles').select('name').execute())
    await sql`insert into client_roles (role, client_id) select ${name}, id from clients
      where replace(' ' || roles || ' ', ${` ${name} `}, '') <> ' ' || roles || ' '`.execute(db)
  await db.schema.createIndex('client_roles_client_id').on('client_roles').column('client_id').execute()
}

/** The few clients that administer by themselves are found among a million without looking at the others. */
async function markAdmins(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('clients')
    .addColumn('is_admin', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`update clients set is_admin = 1
    where replace(' ' || scopes || ' ', ' admin ', '') <> ' ' || scopes || ' '
    and grant_types like '%client_credentials%'`.execute(db)
  await sql`create index clients_is_admin on clients (id) where is_admin = 1`.execute(db)
}

/** Prefixes are ranges of bytes: Postgres has them in order only where the index is told so. */
async function indexClients(db: Kysely<unknown>): Promise<void> {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  const bytes = sql.raw(isSqlite ? '' : 'collate "C"')
  await db.schema.dropIndex('clients_plan_id').execute()
  await sql`create index clients_plan_id on clients (plan_id, id ${bytes})`.execute(db)
  await sql`create index clients_disabled on clients (id ${bytes}) where disabled_at is not null`.execute(db)
  if (isSqlite) return
  await sql`create index clients_id_bytes on clients (id collate "C")`.execute(db)
  await db.schema.dropIndex('clients_name_key').execute()
  await sql`create index clients_name_key on clients (name_key collate "C", id collate "C")`.execute(db)
  await sql`create index users_username_key_bytes on users (username_key collate "C")`.execute(db)
  await sql`create index client_roles_bytes on client_roles (role, client_id collate "C")`.execute(db)
}

/** The tokens of a client or a user are read newest first. */
async function indexTokens(db: Kysely<unknown>): Promise<void> {
  for (const table of ['access_tokens', 'refresh_tokens'])
    for (const owner of ['client_id', 'user_id']) {
      await db.schema.dropIndex(`${table}_${owner}`).execute()
      await db.schema.createIndex(`${table}_${owner}`).on(table).columns([owner, 'issued_at']).execute()
    }
}
