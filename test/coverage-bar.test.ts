import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readFolderCoverage } from './support/coverage-bar.ts'

t.test('a folder’s coverage is that of all its lines, and its worst file comes first', async (t) => {
  const root = project(
    t,
    { 'well.ts': 'run()\n', 'badly.ts': 'run()\n' },
    { 'well.ts': [90, 90], 'badly.ts': [10, 5] },
  )
  t.match(readFolderCoverage(root, 'gateway'), {
    percent: 95,
    files: [{ path: 'gateway/badly.ts' }, { path: 'gateway/well.ts' }],
  })
})

t.test('a file that no test loads counts with none of its lines covered', async (t) => {
  const root = project(
    t,
    { 'loaded.ts': 'run()\n', 'forgotten.ts': 'a()\nb()\nc()' },
    { 'loaded.ts': [9, 9] },
  )
  t.equal(readFolderCoverage(root, 'gateway')?.percent, 75)
})

t.test('a file of types alone has nothing to cover', async (t) => {
  const types =
    '/** What runs. */\nimport type { Run } from "./run.ts"\nexport interface Runs { readonly run: Run }\n'
  const root = project(t, { 'loaded.ts': 'run()\n', 'types.ts': types }, { 'loaded.ts': [9, 9] })
  t.equal(readFolderCoverage(root, 'gateway')?.percent, 100)
})

t.test('a folder that does not exist has no coverage', async (t) => {
  t.equal(readFolderCoverage(project(t, {}, {}), 'elsewhere'), undefined)
})

/** A project with these files in gateway/, and the summary of a run: the lines of each file, and how many it ran. */
function project(
  t: Test,
  files: Readonly<Record<string, string>>,
  ran: Readonly<Record<string, readonly [total: number, covered: number]>>,
): string {
  const root = t.testdir({ gateway: files })
  const summary = Object.entries(ran).map(([name, [total, covered]]) => [
    join(root, 'gateway', name),
    { lines: { total, covered } },
  ])
  mkdirSync(join(root, '.tap/report'), { recursive: true })
  writeFileSync(join(root, '.tap/report/coverage-summary.json'), JSON.stringify(Object.fromEntries(summary)))
  return root
}
