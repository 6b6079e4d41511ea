import { Command } from 'commander'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from '../store-options.ts'

export function deleteCommand(): Command {
  return withStoreOptions(new Command('delete'))
    .description('take a user away, with all that clients hold for them')
    .argument('<user>', 'the username or the subject')
    .action(async (name: string, options: StoreOptions) => {
      const { id, username } = await administer(options, async ({ users }) => {
        const user = await users.showNamed(name)
        await users.delete(user.id, commandLine())
        return user
      })
      if (options.json) printJson({ deleted: id })
      else console.log(`the user ${username} is gone, with all that clients held for them`)
    })
}
