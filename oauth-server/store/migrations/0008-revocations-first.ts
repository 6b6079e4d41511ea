import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What is revoked is found before what has only changed, however much of that is waiting. */
export const revocationsFirst: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.dropIndex('revocation_pushes_gateway').execute()
    await db.schema
      .createIndex('revocation_pushes_due')
      .on('revocation_pushes')
      .columns(['gateway', 'effect', 'due_at'])
      .execute()
  },
}
