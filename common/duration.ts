const unitsInMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const durationPattern = /^(\d{1,9})(ms|s|m|h|d)$/

/** What a duration looks like, for error texts and documents. */
export const durationRule = 'must be a whole number with a unit (ms, s, m, h or d), such as 500ms, 30s or 1h'

/** Reads `500ms`, `30s`, `5m`, `1h` or `7d` into milliseconds; `undefined` when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = durationPattern.exec(text)
  if (match === null) return undefined
  const unit = match[2] as keyof typeof unitsInMs
  return Number(match[1]) * unitsInMs[unit]
}

/** Reads a duration that a schema has checked before. Throws a `TypeError` that names the text when it is none. */
export function durationInMs(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new TypeError(`"${text}" is not a duration: it ${durationRule}`)
  return milliseconds
}

/** Writes milliseconds in the largest unit that keeps the number whole: 3,600,000 becomes `1h`. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (milliseconds >= unitsInMs[unit] && milliseconds % unitsInMs[unit] === 0)
      return `${milliseconds / unitsInMs[unit]}${unit}`
  }
  return `${milliseconds}ms`
}
