import { formatDuration, parseDuration } from './duration.ts'

/** How many requests a subject may make in one window. */
export interface Quota {
  /** Requests in a window; at least 1. */
  readonly limit: number
  /** Length of the window, in milliseconds; at least one second. */
  readonly windowMs: number
}

/** What a quota looks like, for error texts and documents. */
export const quotaRule =
  'must be REQUESTS/WINDOW, with at least 1 request and a window from 1s to 366d, such as 1000/1h or 20/1s'

const maxWindowMs = 366 * 86_400_000

/** Reads `1000/1h`; `undefined` when the text is not a quota. */
export function parseQuota(text: string): Quota | undefined {
  const match = /^(\d{1,12})\/(\w+)$/.exec(text)
  if (match === null) return undefined
  const limit = Number(match[1])
  const windowMs = parseDuration(match[2] ?? '')
  if (windowMs === undefined || !isQuota(limit, windowMs)) return undefined
  return { limit, windowMs }
}

/** Reads a quota that a schema has checked before. Throws a `TypeError` that names the text when it is none. */
export function quotaOf(text: string): Quota {
  const quota = parseQuota(text)
  if (quota === undefined) throw new TypeError(`"${text}" is not a quota: it ${quotaRule}`)
  return quota
}

/** Whether these two numbers make a quota that can be counted. */
export function isQuota(limit: number, windowMs: number): boolean {
  return (
    Number.isSafeInteger(limit) &&
    limit >= 1 &&
    Number.isSafeInteger(windowMs) &&
    windowMs >= 1_000 &&
    windowMs <= maxWindowMs
  )
}

/** Writes a quota as the configuration does: `1000/1h`. */
export function formatQuota(quota: Quota): string {
  return `${quota.limit}/${formatDuration(quota.windowMs)}`
}
