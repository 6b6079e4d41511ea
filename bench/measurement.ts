import type { Stage } from './stage.ts'

/** One thing that was measured. */
export interface Figure {
  /** What it is, and under which circumstances. */
  readonly what: string
  /** With its unit. */
  readonly value: string
  /** What it is held against; `undefined` for a figure that stands beside others to compare. */
  readonly goal: { readonly text: string; readonly isMet: boolean } | undefined
}

/**
 * A measurement, bounded in time. It starts what it needs on the stage, whose owner ends it, and may end early on the
 * signal. Rejects with {@link NotMeasurable} when the program or the machine lacks what is to be measured.
 */
export type Measurement = (stage: Stage, signal: AbortSignal) => Promise<readonly Figure[]>

/** Something cannot be measured here and now; the message says why. Nothing is reported in its place. */
export class NotMeasurable extends Error {}

/** A figure that should be at most so much. */
export function atMost(
  what: string,
  value: number,
  { goal, unit, digits = 2 }: { goal: number; unit: string; digits?: number },
): Figure {
  const text = withUnit(goal, unit)
  return {
    what,
    value: withUnit(value.toFixed(digits), unit),
    goal: { text: goal === 0 ? text : `≤ ${text}`, isMet: value <= goal },
  }
}

/** A figure that should be at least so much. */
export function atLeast(
  what: string,
  value: number,
  { goal, unit, digits = 2 }: { goal: number; unit: string; digits?: number },
): Figure {
  return {
    what,
    value: withUnit(value.toFixed(digits), unit),
    goal: { text: `≥ ${withUnit(goal, unit)}`, isMet: value >= goal },
  }
}

/** A figure that is told to compare others with. */
export function beside(what: string, value: number, { unit = '', digits = 2 } = {}): Figure {
  return { what, value: withUnit(value.toFixed(digits), unit), goal: undefined }
}

function withUnit(value: number | string, unit: string): string {
  return unit === '' ? String(value) : `${value} ${unit}`
}

/** The value below which this share of the others lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}
