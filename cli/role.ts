import { Command } from 'commander'
import { toRoleJson } from '../oauth-server/admin/roles.ts'
import type { Role } from '../oauth-server/store/role-repository.ts'
import { administer, everyItem, printList } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from './store-options.ts'

interface RoleOptions extends StoreOptions {
  readonly description: string
}

/** `passerelle role …`: the roles that clients and plans can have. */
export function roleCommand(): Command {
  return new Command('role')
    .description('make, list, describe and take away roles')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(describeCommand())
    .addCommand(deleteCommand())
}

function createCommand(): Command {
  return withStoreOptions(new Command('create'))
    .description('make a role')
    .argument('<name>', 'what backends are told')
    .option('--description <text>', 'for people', '')
    .action((name: string, options: RoleOptions) =>
      administer(options, async ({ roles }) => {
        const { description } = options
        print(await roles.create({ name, description }, commandLine()), options)
      }),
    )
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the roles by name')
    .action((options: StoreOptions) =>
      administer(options, ({ roles }) =>
        printList(
          everyItem((request) => roles.page(request)),
          options,
          { toJson: toRoleJson, toLine: summarize },
        ),
      ),
    )
}

function describeCommand(): Command {
  return withStoreOptions(new Command('describe'))
    .description('describe a role anew')
    .argument('<name>', 'the role')
    .requiredOption('--description <text>', 'for people')
    .action((name: string, options: RoleOptions) =>
      administer(options, async ({ roles }) =>
        print(await roles.describe(name, options.description, commandLine()), options),
      ),
    )
}

function deleteCommand(): Command {
  return withStoreOptions(new Command('delete'))
    .description('take a role away that nobody has')
    .argument('<name>', 'the role')
    .action(async (name: string, options: StoreOptions) => {
      await administer(options, ({ roles }) => roles.delete(name, commandLine()))
      if (options.json) printJson({ deleted: name })
      else console.log(`the role ${name} is gone`)
    })
}

function print(role: Role, { json }: StoreOptions): void {
  if (json) printJson(toRoleJson(role))
  else console.log(summarize(role))
}

function summarize({ name, description }: Role): string {
  return [name, description].join('\t')
}
