/**
 * Holds the coverage bar after a full run of the tests, which leaves its summary behind: ends with 1 and names the files
 * that are lowest when a folder is under it.
 */
import { readFolderCoverage } from './support/coverage-bar.ts'

const barPercent = 90
const folders = ['gateway', 'oauth-server']
const lowestFilesShown = 5

for (const folder of folders) {
  const coverage = readFolderCoverage(process.cwd(), folder)
  if (coverage === undefined) {
    console.log(`${folder}/ holds no code`)
    continue
  }
  const { percent, files } = coverage
  console.log(`${folder}/ ${percent.toFixed(1)} % of lines covered, the bar is ${barPercent} %`)
  if (percent >= barPercent) continue
  process.exitCode = 1
  for (const { path, lines, covered } of files.slice(0, lowestFilesShown))
    console.error(`  ${path}: ${covered} of ${lines} lines`)
}
