import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The ids of assertions that clients have authenticated with (RFC 7523 §3), so that each works once. */
export const clientAssertions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('client_assertions')
      .addColumn('client_id', 'text', (column) =>
        column.notNull().references('clients.id').onDelete('cascade'),
      )
      .addColumn('id_hash', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('client_assertions_pk', ['client_id', 'id_hash'])
      .execute()
    await db.schema
      .createIndex('client_assertions_expires_at')
      .on('client_assertions')
      .column('expires_at')
      .execute()
  },
}
