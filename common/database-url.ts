/** Which database an application keeps its data in. */
export type DatabaseLocation =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** What a database URL looks like, for error texts and documents. */
export const databaseUrlRule =
  'must be sqlite:FILE, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE'

/** Reads `sqlite:.data/oauth-server.db`, `sqlite::memory:` or `postgres://…`; `undefined` when it is none of these. */
export function parseDatabaseUrl(text: string): DatabaseLocation | undefined {
  const file = /^sqlite:(\P{C}+)$/u.exec(text)?.[1]
  if (file !== undefined) return { kind: 'sqlite', file }
  const isPostgres = /^postgres(?:ql)?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text)
  return isPostgres ? { kind: 'postgres', url: text } : undefined
}
