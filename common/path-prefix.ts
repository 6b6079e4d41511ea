/** Whether a path is the prefix itself or below it: `/api1` and `/api1/x` are within `/api1`, `/api10` is not. */
export function isWithinPrefix(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`)
}

/** The longest prefix that a path is within; `undefined` when it is within none. */
export function longestPrefix(path: string, prefixes: readonly string[]): string | undefined {
  const fitting = prefixes.filter((prefix) => isWithinPrefix(path, prefix))
  return fitting.toSorted((one, other) => other.length - one.length)[0]
}
