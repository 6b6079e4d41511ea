import { Command } from 'commander'
import { toClientJson } from '../../oauth-server/admin/client-json.ts'
import { administer, everyItem, printList } from '../administer.ts'
import { type StoreOptions, withStoreOptions } from '../store-options.ts'
import { summarizeClient } from './describe.ts'

interface ListOptions extends StoreOptions {
  readonly id?: string
  readonly name?: string
  readonly role?: string
  readonly plan?: string
  readonly disabled?: boolean
}

export function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the clients, oldest first, or those that are looked for')
    .option('--id <prefix>', 'whose id begins so')
    .option('--name <prefix>', 'whose name begins so')
    .option('--role <role>', 'that have this role of their own')
    .option('--plan <id>', 'that have this plan')
    .option('--disabled', 'that are disabled')
    .option('--no-disabled', 'that are not disabled')
    .action((options: ListOptions) =>
      administer(options, ({ clients }) => {
        const filter = {
          idPrefix: options.id,
          namePrefix: options.name,
          role: options.role,
          planId: options.plan,
          isDisabled: options.disabled,
        }
        const items = everyItem((request) => clients.page(filter, request))
        return printList(items, options, { toJson: toClientJson, toLine: summarizeClient })
      }),
    )
}
