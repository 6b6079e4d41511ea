import { Command } from 'commander'
import { durationInMs, durationRule, parseDuration } from '../../common/duration.ts'
import { toSecretJson } from '../../oauth-server/admin/secrets.ts'
import type { ListedSecret } from '../../oauth-server/clients/client-secrets.ts'
import { administer } from '../administer.ts'
import { commandLine } from '../command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from '../store-options.ts'
import { secretWarning } from './describe.ts'

/** `passerelle client secret …`: at most two at a time, so that one can follow the other without a gap. */
export function secretCommand(): Command {
  return new Command('secret')
    .description('add, list and revoke the secrets of a client')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
}

interface AddOptions extends StoreOptions {
  readonly expiresIn?: string
  readonly olderExpiresIn?: string
}

function addCommand(): Command {
  return withStoreOptions(new Command('add'))
    .description('give a client another secret; it is printed once')
    .argument('<client>', 'its client id')
    .option('--expires-in <duration>', 'when the new secret ends, such as 90d')
    .option(
      '--older-expires-in <duration>',
      'when the secret that there is ends: time to move to the new one',
    )
    .action((client: string, options: AddOptions) =>
      administer(options, async ({ secrets, now }) => {
        const wishes = {
          expiresAt: endOf(options.expiresIn, now()),
          olderExpiresAt: endOf(options.olderExpiresIn, now()),
        }
        const { secret, stored } = await secrets.add(client, wishes, commandLine())
        if (options.json) printJson({ ...toSecretJson(stored), client_secret: secret })
        else console.log(`${summarize(stored)}\nsecret      ${secret}\n\n${secretWarning}`)
      }),
    )
}

function endOf(duration: string | undefined, now: number): number | undefined {
  if (duration === undefined) return undefined
  if (parseDuration(duration) === undefined) throw new Error(`the duration "${duration}" ${durationRule}`)
  return now + durationInMs(duration)
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the secrets of a client by how they end')
    .argument('<client>', 'its client id')
    .action((client: string, options: StoreOptions) =>
      administer(options, async ({ secrets }) => {
        const listed = await secrets.list(client)
        if (options.json) printJson(listed.map(toSecretJson))
        else for (const secret of listed) console.log(summarize(secret))
      }),
    )
}

function revokeCommand(): Command {
  return withStoreOptions(new Command('revoke'))
    .description('revoke a secret at once')
    .argument('<client>', 'its client id')
    .argument('<secret>', 'the id of the secret, as list says it')
    .option('--tokens', "revoke the client's tokens too")
    .action(async (client: string, id: string, options: StoreOptions & { readonly tokens?: boolean }) => {
      const revokesTokens = options.tokens === true
      await administer(options, ({ secrets }) => secrets.revoke(client, { id, revokesTokens }, commandLine()))
      if (options.json) printJson({ revoked: id, tokens: revokesTokens })
      else console.log(`the secret ${id} is revoked${revokesTokens ? ', and every token of the client' : ''}`)
    })
}

function summarize({ id, lastFour, createdAt, expiresAt }: ListedSecret): string {
  const end = expiresAt === null ? 'does not end' : `ends ${new Date(expiresAt).toISOString()}`
  return [id, `…${lastFour}`, `made ${new Date(createdAt).toISOString()}`, end].join('\t')
}
