import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The gateways that are told of revocations, and what each of them is still to be told. */
export const revocationPushes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('gateways')
      .addColumn('url', 'text', (column) => column.primaryKey())
      .addColumn('seen_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .createTable('revocation_pushes')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('gateway', 'text', (column) =>
        column.notNull().references('gateways.url').onDelete('cascade'),
      )
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('target', 'text', (column) => column.notNull())
      .addColumn('effect', 'text', (column) => column.notNull())
      .addColumn('token_expires_at', 'bigint')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .addColumn('attempts', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()
    for (const columns of [['gateway', 'due_at'], ['expires_at']])
      await db.schema
        .createIndex(`revocation_pushes_${columns[0]}`)
        .on('revocation_pushes')
        .columns(columns)
        .execute()
  },
}
