import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Result } from './compare.ts'

const heads = ['contestant', 'cpu µs/request', 'ratio', 'requests/s', 'ratio', 'p50 ms', 'p99 ms', 'errors']

/** The results as a table in Markdown, its columns aligned, so that a terminal shows it as well as a page does. */
export function renderTable(results: readonly Result[]): string {
  return renderRows(heads, results.map(cellsOf))
}

/** Rows as a table in Markdown: the first column to the left, the others to the right. */
export function renderRows(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
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
  return `${describeMachine()}: ${rounds} rounds of ${seconds} s each, ${connections} connections.`
}

/** When and on what. */
export function describeMachine(): string {
  const date = new Date().toISOString().slice(0, 10)
  // Not those that this process may use: it may have left some to others.
  const { length, 0: first } = cpus()
  return `${date}, ${length} cores of ${first?.model ?? 'unknown processor'}, Node ${process.versions.node}`
}

const page = join(import.meta.dirname, '../docs/performance.md')

/** A place in docs/performance.md that a program fills in. */
export interface PagePlace {
  /** Its name, in its markers. */
  readonly name: string
  /** The command that fills it in. */
  readonly command: string
}

export const comparisonPlace: PagePlace = { name: 'bench', command: 'npm run bench -- --write' }

/** Writes what is measured into docs/performance.md, between the place's markers. */
export function writeIntoPage({ name, command }: PagePlace, text: string): void {
  const begin = `<!-- ${name}:begin, written by \`${command}\` -->`
  const end = `<!-- ${name}:end -->`
  const whole = readFileSync(page, 'utf8')
  const from = whole.indexOf(begin)
  const to = whole.indexOf(end)
  if (from === -1 || to < from) throw new Error(`docs/performance.md has lost its markers of ${name}`)
  writeFileSync(page, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`)
}
