import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import type { Result } from './compare.ts'

const heads = ['contestant', 'cpu µs/request', 'ratio', 'requests/s', 'ratio', 'p50 ms', 'p99 ms', 'errors']

/** The results as a table in Markdown, its columns aligned, so that a terminal shows it as well as a page does. */
export function renderTable(results: readonly Result[]): string {
  const rows = [heads, ...results.map(cellsOf)]
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  const [head = heads, ...body] = rows
  return [line(head), rule, ...body.map(line)].join('\n')
}

function cellsOf(result: Result): readonly string[] {
  return [
    result.name,
    result.processorUs.toFixed(1),
    result.processorRatio.toFixed(2),
    result.requestsPerSecond.toFixed(0),
    result.requestsRatio.toFixed(2),
    result.p50Ms.toFixed(2),
    result.p99Ms.toFixed(2),
    String(result.errors),
  ]
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

interface RunFacts {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

/** Under which circumstances the figures came about. */
export function describeRun({ rounds, seconds, connections }: RunFacts): string {
  const date = new Date().toISOString().slice(0, 10)
  const model = cpus()[0]?.model ?? 'unknown processor'
  const machine = `${availableParallelism()} cores of ${model}, Node ${process.versions.node}`
  return `${date}, ${machine}: ${rounds} rounds of ${seconds} s each, ${connections} connections.`
}

const page = join(import.meta.dirname, '../docs/performance.md')
const begin = '<!-- bench:begin, written by `npm run bench -- --write` -->'
const end = '<!-- bench:end -->'

/** Writes what is measured into docs/performance.md, between its markers. */
export function writeIntoPage(text: string): void {
  const whole = readFileSync(page, 'utf8')
  const from = whole.indexOf(begin)
  const to = whole.indexOf(end)
  if (from === -1 || to < from) throw new Error('docs/performance.md has lost its bench markers')
  writeFileSync(page, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`)
}
