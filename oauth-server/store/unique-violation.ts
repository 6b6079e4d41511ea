/**
 * Whether a write failed because somebody else made a row of the same key meanwhile (Postgres' unique_violation). On SQLite
 * nobody can: of its transactions one comes after the other.
 */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}
