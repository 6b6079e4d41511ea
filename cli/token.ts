import { Command, Option } from 'commander'
import { toTokenJson } from '../oauth-server/admin/tokens.ts'
import type { ListedToken, TokenOwner } from '../oauth-server/store/token-listing.ts'
import type { UserRegistry } from '../oauth-server/users/user-registry.ts'
import { administer, everyItem, printList } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from './store-options.ts'

interface OwnerOptions extends StoreOptions {
  readonly client?: string
  readonly user?: string
}

/** `passerelle token …`: the tokens of a client or of a user. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('list and revoke the tokens of a client or a user')
    .addCommand(listCommand())
    .addCommand(revokeCommand())
}

function withOwner(command: Command): Command {
  return withStoreOptions(command)
    .addOption(new Option('--client <id>', 'the client whose tokens they are').conflicts('user'))
    .option('--user <user>', 'the user whose tokens they are, by username or subject')
}

async function ownerOf({ client, user }: OwnerOptions, users: UserRegistry): Promise<TokenOwner> {
  if (client !== undefined) return { kind: 'client', id: client }
  if (user !== undefined) return { kind: 'user', id: (await users.showNamed(user)).id }
  throw new Error('whose tokens? name them by --client or --user')
}

function listCommand(): Command {
  return withOwner(new Command('list'))
    .description('list tokens, newest first, by how they end')
    .action((options: OwnerOptions) =>
      administer(options, async ({ tokens, users }) => {
        const owner = await ownerOf(options, users)
        const items = everyItem((request) => tokens.page(owner, request))
        return printList(items, options, { toJson: toTokenJson, toLine: summarize })
      }),
    )
}

function revokeCommand(): Command {
  return withOwner(new Command('revoke'))
    .description('revoke one token, or all of them')
    .argument('[token]', 'the id of the token, as list says it')
    .option('--all', 'revoke every token that there is now')
    .action((id: string | undefined, options: OwnerOptions & { readonly all?: boolean }) => {
      if ((id === undefined) === (options.all !== true))
        throw new Error('revoke what? name one token by its id, or all of them by --all')
      return administer(options, async ({ tokens, users }) => {
        const owner = await ownerOf(options, users)
        if (id === undefined) report(options, await tokens.revokeAll(owner, commandLine()))
        else {
          await tokens.revoke(owner, id, commandLine())
          report(options, 1)
        }
      })
    })
}

function report({ json }: StoreOptions, revoked: number): void {
  if (json) printJson({ revoked })
  else console.log(`${revoked} ${revoked === 1 ? 'token is' : 'tokens are'} revoked`)
}

function summarize(token: ListedToken): string {
  const { id, kind, lastFour, scope, issuedAt, expiresAt } = token
  const times = [issuedAt, expiresAt].map((at) => new Date(at).toISOString())
  return [id, kind, `…${lastFour}`, scope.join(' '), ...times].join('\t')
}
