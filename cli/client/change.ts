import { Command } from 'commander'
import { patchClient } from '../../oauth-server/admin/client-json.ts'
import type { Client } from '../../oauth-server/store/client.ts'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { type StoreOptions, withStoreOptions } from '../store-options.ts'
import { printClient } from './describe.ts'
import { toWishes, type WishOptions, withWishOptions } from './wishes.ts'

export function changeCommand(): Command {
  return withStoreOptions(withWishOptions(new Command('change')))
    .description('change what options name, and leave the rest; it counts at once')
    .argument('<id>', 'its client id')
    .option('--name <name>', 'what people call it, 1 to 100 characters')
    .action((id: string, options: WishOptions & StoreOptions) => {
      const patch = toWishes(options)
      if (Object.keys(patch).length === 0) throw new Error('nothing is to be changed: name it by an option')
      const change = {
        membersOf: (before: Client) => patchClient(before, patch),
        createRoles: options.createRoles,
      }
      return administer(options, async ({ clients }) =>
        printClient(await clients.change(id, change, commandLine()), options),
      )
    })
}
