import { deleteExpiredPushes } from './revocation-outbox.ts'
import { SigningKeyRepository } from './signing-key-repository.ts'
import type { Database } from './tables.ts'

/** When a row of each table may go. */
const ends = [
  ['access_tokens', 'expires_at'],
  ['refresh_tokens', 'expires_at'],
  ['authorization_codes', 'kept_until'],
  ['sessions', 'expires_at'],
] as const

/**
 * Deletes up to `batchSize` rows of each table that have had their time, as many expired families, used assertions and
 * pushes that came too late, and the signing keys that no token needs any more; returns how many rows went. Small batches keep the write lock short.
 */
export async function deleteExpiredRows(db: Database, now: number, batchSize: number): Promise<number> {
  const others = await Promise.all(
    ends.map(([table, end]) => {
      const { ref } = db.dynamic
      return db
        .deleteFrom(table)
        .where('hash', 'in', (rows) =>
          rows.selectFrom(table).select('hash').where(ref(end), '<=', now).limit(batchSize),
        )
        .executeTakeFirst()
    }),
  )
  const families = await db
    .deleteFrom('token_families')
    .where('id', 'in', (rows) =>
      rows.selectFrom('token_families').select('id').where('expires_at', '<=', now).limit(batchSize),
    )
    .executeTakeFirst()
  const keys = await new SigningKeyRepository(db).deleteRetired(now)
  const assertions = await db
    .deleteFrom('client_assertions')
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('client_id', 'id_hash'),
        'in',
        selectFrom('client_assertions')
          .select(['client_id', 'id_hash'])
          .where('expires_at', '<=', now)
          .limit(batchSize)
          .$asTuple('client_id', 'id_hash'),
      ),
    )
    .executeTakeFirst()
  const pushes = await deleteExpiredPushes(db, now, batchSize)
  return [...others, families, assertions].reduce(
    (sum, result) => sum + Number(result.numDeletedRows),
    keys + pushes,
  )
}
