import { Command } from 'commander'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from '../store-options.ts'

export function deleteCommand(): Command {
  return withStoreOptions(new Command('delete'))
    .description('take a client away, with its secrets and tokens')
    .argument('<id>', 'its client id')
    .action(async (id: string, options: StoreOptions) => {
      await administer(options, ({ clients }) => clients.delete(id, commandLine()))
      if (options.json) printJson({ deleted: id })
      else console.log(`the client ${id} is gone, with its secrets and tokens`)
    })
}
