import type { Database } from './tables.ts'

/**
 * Deletes up to `batchSize` expired tokens, and as many expired families; returns how many rows went. Small batches
 * keep the write lock short.
 */
export async function deleteExpiredRows(db: Database, now: number, batchSize: number): Promise<number> {
  const tokens = await Promise.all(
    (['access_tokens', 'refresh_tokens'] as const).map((table) =>
      db
        .deleteFrom(table)
        .where('hash', 'in', (rows) =>
          rows.selectFrom(table).select('hash').where('expires_at', '<=', now).limit(batchSize),
        )
        .executeTakeFirst(),
    ),
  )
  const families = await db
    .deleteFrom('token_families')
    .where('id', 'in', (rows) =>
      rows.selectFrom('token_families').select('id').where('expires_at', '<=', now).limit(batchSize),
    )
    .executeTakeFirst()
  return [...tokens, families].reduce((sum, result) => sum + Number(result.numDeletedRows), 0)
}
