import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { toClientJson, toNewClient } from '../../oauth-server/admin/client-json.ts'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import { commandLine } from '../command-line-actor.ts'
import { printJson, type StoreOptions, settingsOf, withStore, withStoreOptions } from '../store-options.ts'
import { describeClient, secretWarning } from './describe.ts'
import { toWishes, type WishOptions, withWishOptions } from './wishes.ts'

interface CreateOptions extends WishOptions, StoreOptions {
  readonly name: string
  readonly refreshTokens?: boolean
}

export function createCommand(): Command {
  return withStoreOptions(withWishOptions(new Command('create')))
    .description('make a client; its secret is printed once')
    .requiredOption('--name <name>', 'what people call it, 1 to 100 characters')
    .option('--refresh-tokens', 'give it refresh tokens too')
    .action(async (options: CreateOptions) => {
      const wanted = toNewClient({ ...toWishes(options), name: options.name })
      const grantTypes = options.refreshTokens
        ? [...new Set([...wanted.grantTypes, 'refresh_token' as const])]
        : wanted.grantTypes
      // The first client may well be what makes the database.
      const { client, secret } = await withStore(settingsOf(options), (db) =>
        new ClientRegistry(db, { now: Date.now, random: randomBytes }).create(
          { ...wanted, grantTypes },
          commandLine(),
          options,
        ),
      )
      if (options.json) printJson({ ...toClientJson(client), client_secret: secret })
      else console.log(`${describeClient(client)}${secret === undefined ? '' : tellSecret(secret)}`)
    })
}

function tellSecret(secret: string): string {
  return `\nsecret      ${secret}\n\n${secretWarning}`
}
