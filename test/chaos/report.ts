import type { Result } from './play.ts'

const columns: readonly (readonly [
  head: string,
  width: number,
  cell: (result: Result) => string | number,
])[] = [
  ['round', -42, ({ round }) => `${round.name} (${round.stage})`],
  ['offered', 7, ({ offered }) => offered],
  ['admitted', 8, ({ admitted }) => admitted],
  ['limit', 7, ({ round }) => limitOf(round)],
  ['429', 5, ({ refused }) => refused],
  ['503', 5, ({ unavailable }) => unavailable],
  ['cut off', 7, ({ lost }) => lost],
  ['calls/request', 13, ({ callsPerRequest }) => callsPerRequest.toFixed(3)],
  ['dead', 4, ({ dead }) => dead],
  ['calls/s over', 12, ({ lastCalls }) => lastCalls ?? ''],
  ['excused', 7, ({ excused }) => excused || ''],
]

export const heading = columns.map(([head, width]) => pad(head, width)).join('  ')

/** A line of figures, and under it what was wrong. */
export function lineOf(result: Result): string {
  const line = columns.map(([, width, cell]) => pad(String(cell(result)), width)).join('  ')
  const shown = [...new Set(result.faults)].slice(0, 12)
  return [line.trimEnd(), ...shown.map((fault) => `    NOT AS PROMISED: ${fault}`)].join('\n')
}

export function summaryOf(results: readonly Result[]): string {
  const over = results.filter(({ overAdmitted }) => overAdmitted > 0).length
  const failed = results.filter(({ faults }) => faults.length > 0).length
  const failures = failed === 0 ? '' : `, ${failed} rounds not as promised`
  return `${results.length} rounds, ${over} over-admissions${failures}`
}

function limitOf({ clients, limit, windowS }: Result['round']): string {
  if (windowS < 60) return `${limit}/${windowS}s`
  return clients === 1 ? String(limit) : `${clients} x ${limit}`
}

function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width)
}
