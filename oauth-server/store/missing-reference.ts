/** SQLite's extended result code SQLITE_CONSTRAINT_FOREIGNKEY. */
const sqliteForeignKey = 787

/** Whether a row was refused because what it belongs to is gone, such as a token whose client was just deleted. */
export function isMissingReference(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && error.code === '23503') return true
  return 'errcode' in error && error.errcode === sqliteForeignKey
}
