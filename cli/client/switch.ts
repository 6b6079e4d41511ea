import { Command } from 'commander'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { type StoreOptions, withStoreOptions } from '../store-options.ts'
import { printClient } from './describe.ts'

export function disableCommand(): Command {
  return switchCommand('disable', 'let a client have no tokens, and none of those it has be good')
}

export function enableCommand(): Command {
  return switchCommand('enable', 'take disable back')
}

function switchCommand(verb: 'disable' | 'enable', description: string): Command {
  return withStoreOptions(new Command(verb))
    .description(description)
    .argument('<id>', 'its client id')
    .action((id: string, options: StoreOptions) =>
      administer(options, async ({ clients }) =>
        printClient(await clients[verb](id, commandLine()), options),
      ),
    )
}
