import { Command } from 'commander'
import { changeCommand } from './client/change.ts'
import { createCommand } from './client/create.ts'
import { deleteCommand } from './client/delete.ts'
import { listCommand } from './client/list.ts'
import { secretCommand } from './client/secret.ts'
import { showCommand } from './client/show.ts'
import { disableCommand, enableCommand } from './client/switch.ts'

/** `passerelle client …`: the clients of the authorization server, which may run meanwhile. */
export function clientCommand(): Command {
  return new Command('client')
    .description('make, list, show, change and take away the clients that may have tokens')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(changeCommand())
    .addCommand(disableCommand())
    .addCommand(enableCommand())
    .addCommand(deleteCommand())
    .addCommand(secretCommand())
}
