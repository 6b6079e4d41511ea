import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join, sep } from 'node:path'

/** How many lines of a file the tests ran. */
export interface FileCoverage {
  /** Path below the project's root. */
  readonly path: string
  readonly lines: number
  readonly covered: number
}

/** How well a folder is covered, worst file first. */
export interface FolderCoverage {
  readonly folder: string
  /** From 0 to 100. */
  readonly percent: number
  readonly files: readonly FileCoverage[]
}

/**
 * The line coverage of a folder, from the `coverage-summary.json` of a run. A file that no test ever loaded is not in
 * the summary: it counts with none of its lines covered, unless nothing is left of it once its types are gone.
 * `undefined` when the project has no such folder, or nothing in it that runs.
 */
export function readFolderCoverage(root: string, folder: string): FolderCoverage | undefined {
  const summary = readSummary(root)
  const files = sourceFiles(root, folder)
    .map((path) => summary.get(path) ?? unloaded(root, path))
    .filter(({ lines }) => lines > 0)
    .sort((left, right) => left.covered / left.lines - right.covered / right.lines)
  if (files.length === 0) return undefined
  return { folder, percent: percentOf(files), files }
}

/** The covered part of these files' lines, from 0 to 100. */
function percentOf(files: readonly FileCoverage[]): number {
  const sum = (read: (file: FileCoverage) => number) => files.reduce((total, file) => total + read(file), 0)
  return (100 * sum(({ covered }) => covered)) / sum(({ lines }) => lines)
}

function readSummary(root: string): ReadonlyMap<string, FileCoverage> {
  const text = readFileSync(join(root, '.tap/report/coverage-summary.json'), 'utf8')
  const summary = JSON.parse(text) as Record<string, { lines: { total: number; covered: number } }>
  return new Map(
    Object.entries(summary)
      .filter(([file]) => file.startsWith(root + sep))
      .map(([file, { lines }]) => {
        const path = file.slice(root.length + 1).replaceAll(sep, '/')
        return [path, { path, lines: lines.total, covered: lines.covered }]
      }),
  )
}

function sourceFiles(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name.replaceAll(sep, '/')}`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function unloaded(root: string, path: string): FileCoverage {
  const source = readFileSync(join(root, path), 'utf8')
  const code = stripTypeScriptTypes(source).replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '')
  return { path, lines: /\S/.test(code) ? source.split('\n').length : 0, covered: 0 }
}
