import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { formatAuthority, type ListenAddress } from '../common/listen-address.ts'
import { toNewClient } from '../oauth-server/admin/client-json.ts'
import { createAdministration } from '../oauth-server/admin/services.ts'
import { secretWarning } from './client/describe.ts'
import { commandLine } from './command-line-actor.ts'
import { printJson, type StoreOptions, settingsOf, withStore, withStoreOptions } from './store-options.ts'

interface BootstrapOptions extends StoreOptions {
  readonly name: string
  readonly force?: boolean
}

/** `passerelle admin …`: who may use the admin API. */
export function adminCommand(): Command {
  return new Command('admin').description('let somebody use the admin API').addCommand(bootstrapCommand())
}

function bootstrapCommand(): Command {
  return withStoreOptions(new Command('bootstrap'))
    .description('make the first client that may administer; its secret is printed once')
    .option('--name <name>', 'what people call it', 'Administrator')
    .option('--force', 'make one though there is one already')
    .action(async (options: BootstrapOptions) => {
      const settings = settingsOf(options)
      const wanted = toNewClient({ name: options.name, scopes: ['admin'] })
      const { client, secret = '' } = await withStore(settings, (db) => {
        const { clients } = createAdministration(db, { now: Date.now, random: randomBytes })
        return clients.create(wanted, commandLine(), { isFirstAdmin: !options.force })
      })
      if (options.json) printJson({ client_id: client.id, client_secret: secret })
      else console.log(describe(client.id, secret, settings))
    })
}

function describe(
  id: string,
  secret: string,
  { listen, admin }: { readonly listen: ListenAddress; readonly admin: ListenAddress },
): string {
  return `id          ${id}
secret      ${secret}

${secretWarning}

With the server running, paste this:

  TOKEN=$(curl -s -u ${id}:${secret} -d grant_type=client_credentials \\
    http://${formatAuthority(listen)}/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -H "Authorization: Bearer $TOKEN" http://${formatAuthority(admin)}/clients`
}
