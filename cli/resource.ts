import { Command, Option } from 'commander'
import { durationRule, formatDuration, parseDuration } from '../common/duration.ts'
import { toResourceJson } from '../oauth-server/admin/resources.ts'
import { type TokenFormat, tokenFormats } from '../oauth-server/store/client.ts'
import type { Resource } from '../oauth-server/store/resource-repository.ts'
import { administer } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import { printJson, type StoreOptions, withStoreOptions } from './store-options.ts'

interface CreateOptions extends StoreOptions {
  readonly uri: string
  readonly name: string
  readonly tokenFormat: TokenFormat
  readonly accessTokenLifetime?: string
}

/** `passerelle resource …`: the APIs that tokens can be for (RFC 8707). */
export function resourceCommand(): Command {
  return new Command('resource')
    .description('make, list and delete the resources that access tokens can be for')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(deleteCommand())
}

function createCommand(): Command {
  return withStoreOptions(new Command('create'))
    .description('make a resource, which clients can then have among their audiences')
    .requiredOption('--uri <uri>', 'the name by which clients ask for it, such as https://api.example.org')
    .requiredOption('--name <name>', 'what people call it, 1 to 100 characters')
    .addOption(
      new Option('--token-format <format>', 'what its access tokens look like')
        .choices(tokenFormats)
        .default('opaque'),
    )
    .option('--access-token-lifetime <duration>', 'how long its access tokens live, such as 10m')
    .action(async (options: CreateOptions) => {
      const { uri, name, tokenFormat, accessTokenLifetime } = options
      const wanted = { uri, name, tokenFormat, accessTokenLifetimeMs: lifetimeOf(accessTokenLifetime) }
      const resource = await administer(options, ({ resources }) => resources.create(wanted, commandLine()))
      if (options.json) printJson(toResourceJson(resource))
      else console.log(summarize(resource))
    })
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the resources, oldest first')
    .action(async (options: StoreOptions) => {
      const resources = await administer(options, (administration) => administration.resources.list())
      if (options.json) printJson(resources.map(toResourceJson))
      else for (const resource of resources) console.log(summarize(resource))
    })
}

function deleteCommand(): Command {
  return withStoreOptions(new Command('delete'))
    .description('delete a resource that no client names')
    .argument('<uri>', 'its URI')
    .action((uri: string, options: StoreOptions) =>
      administer(options, ({ resources }) => resources.delete(uri, commandLine())),
    )
}

function lifetimeOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const lifetimeMs = parseDuration(text)
  if (lifetimeMs === undefined)
    throw new Error(`the resource's access token lifetime "${text}" ${durationRule}`)
  return lifetimeMs
}

function summarize({ uri, name, tokenFormat, accessTokenLifetimeMs }: Resource): string {
  const lifetime = accessTokenLifetimeMs === null ? [] : [formatDuration(accessTokenLifetimeMs)]
  return [uri, name, tokenFormat, ...lifetime].join('\t')
}
