import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Keys that sign JWT access tokens, the resources that tokens can be for, and an end that no refreshing puts off. */
export const signingKeysAndResources: Migration = {
  async up(db: Kysely<unknown>) {
    await createSigningKeys(db)
    await createResources(db)
    await db.schema.alterTable('access_tokens').addColumn('key_id', 'text').execute()
    // Asked for when an old key is to go; opaque tokens, which most are, do not weigh it down.
    await db.schema
      .createIndex('access_tokens_key_id')
      .on('access_tokens')
      .column('key_id')
      .where(sql.ref('key_id'), 'is not', null)
      .execute()
    await db.schema
      .alterTable('token_families')
      .addColumn('ends_at', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    await sql`update token_families set ends_at = expires_at`.execute(db)
  },
}

async function createSigningKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    // Of two processes that make the next key at once, the second finds its number taken.
    .addColumn('generation', 'bigint', (column) => column.notNull().unique())
    .addColumn('algorithm', 'text', (column) => column.notNull())
    .addColumn('public_jwk', 'text', (column) => column.notNull())
    .addColumn('private_jwe', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('signs_from', 'bigint', (column) => column.notNull())
    .execute()
}

async function createResources(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('resources')
    .addColumn('uri', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('token_format', 'text', (column) => column.notNull())
    .addColumn('access_token_lifetime_ms', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
}
