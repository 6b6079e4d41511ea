import { Command } from 'commander'
import { administer } from '../administer.ts'
import { type StoreOptions, withStoreOptions } from '../store-options.ts'
import { printClient } from './describe.ts'

export function showCommand(): Command {
  return withStoreOptions(new Command('show'))
    .description('show one client')
    .argument('<id>', 'its client id')
    .action((id: string, options: StoreOptions) =>
      administer(options, async ({ clients }) => printClient(await clients.show(id), options)),
    )
}
