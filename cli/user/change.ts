import { Command } from 'commander'
import { administer, splitCommas } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { type StoreOptions, withStoreOptions } from '../store-options.ts'
import { printUser } from './describe.ts'

interface ChangeOptions extends StoreOptions {
  readonly username?: string
  readonly displayName?: string
  readonly entitlements?: string
}

export function changeCommand(): Command {
  return withStoreOptions(new Command('change'))
    .description('change what options name, and leave the rest; it counts at once')
    .argument('<user>', 'the username or the subject')
    .option('--username <username>', 'what the user signs in with from now on')
    .option('--display-name <name>', 'how pages call the user')
    .option('--entitlements <entitlements>', 'what the user may see, separated by commas; empty for nothing')
    .action((name: string, options: ChangeOptions) => {
      const { username, displayName, entitlements } = options
      const changes = {
        ...(username !== undefined && { username }),
        ...(displayName !== undefined && { displayName }),
        ...(entitlements !== undefined && { entitlements: splitCommas(entitlements) }),
      }
      if (Object.keys(changes).length === 0) throw new Error('nothing is to be changed: name it by an option')
      return administer(options, async ({ users }) => {
        const { id } = await users.showNamed(name)
        printUser(await users.change(id, changes, commandLine()), options)
      })
    })
}
