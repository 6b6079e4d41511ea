import { createReadStream, statSync } from 'node:fs'
import { Command } from 'commander'
import { type ImportReport, importUsers } from '../../oauth-server/users/user-import.ts'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from '../store-options.ts'

/** `passerelle user import`: accounts of a single sign-on, as many as it has. */
export function importCommand(): Command {
  return withStoreOptions(new Command('import'))
    .description('make and change users, told apart by username, from lines of JSON')
    .argument('<file>', 'a file of one JSON object a line, or - for standard input')
    .action(async (file: string, options: StoreOptions) => {
      const bytes: AsyncIterable<Buffer> = file === '-' ? process.stdin : readLines(file)
      const report = await administer(options, ({ changes }) => importUsers(bytes, changes, commandLine()))
      if (options.json) printJson(report)
      else console.log(describe(report))
      if (report.failed > 0) process.exitCode = 1
    })
}

/** Said before anything is opened: the system's own words name no cure. */
function readLines(file: string): AsyncIterable<Buffer> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Error(`there is no file ${file}: name one with a JSON object a line, or - for standard input`)
  return createReadStream(file)
}

function describe({ created, updated, unchanged, failed, faults }: ImportReport): string {
  const lines = faults.map(
    ({ line, member, rule }) => `line ${line}: ${member === undefined ? '' : `${member}: `}${rule}`,
  )
  const more = failed > faults.length ? [`and ${failed - faults.length} more`] : []
  return [
    ...lines,
    ...more,
    `${created} made, ${updated} changed, ${unchanged} as they were, ${failed} refused`,
  ].join('\n')
}
