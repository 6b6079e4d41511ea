/**
 * When a JWT says that it ends, in milliseconds since the epoch; 0 for what is no JWT or does not say. Nothing is checked:
 * it tells only for how long a revocation is worth remembering.
 */
export function endOf(token: string): number {
  const [, payload, signature] = token.split('.', 3)
  if (payload === undefined || signature === undefined) return 0
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : 0
  } catch {
    return 0
  }
}

/** A time, or 0 for one that never comes or is not known. */
export function finite(timeMs: number | undefined): number {
  return timeMs !== undefined && Number.isFinite(timeMs) ? timeMs : 0
}
