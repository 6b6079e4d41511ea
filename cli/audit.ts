import { Command } from 'commander'
import { toEntryJson } from '../oauth-server/admin/audit.ts'
import type { StoredAuditEntry } from '../oauth-server/store/audit-repository.ts'
import { administer, everyItem, printList } from './administer.ts'
import { type StoreOptions, withStoreOptions } from './store-options.ts'

interface ListOptions extends StoreOptions {
  readonly actor?: string
  readonly action?: string
  readonly target?: string
  readonly limit: string
}

/** `passerelle audit …`: who changed what, when and from where. */
export function auditCommand(): Command {
  return new Command('audit').description('look into the audit trail').addCommand(listCommand())
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list entries, newest first')
    .option('--actor <id>', 'who did it: a client id, a user id, or cli:NAME')
    .option('--action <action>', 'what was done, such as client.created')
    .option('--target <target>', 'what it was done to, such as client:ID')
    .option('--limit <count>', 'most entries', '100')
    .action((options: ListOptions) => {
      const { actor, action, target, limit } = options
      if (!/^\d{1,9}$/.test(limit)) throw new Error(`the limit "${limit}" must be a whole number`)
      return administer(options, ({ audit }) => {
        const entries = everyItem((request) => audit.page({ actor, action, target }, request))
        return printList(first(entries, Number(limit)), options, { toJson: toEntryJson, toLine: summarize })
      })
    })
}

async function* first<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item> {
  let left = count
  if (left === 0) return
  for await (const item of items) {
    yield item
    left -= 1
    if (left === 0) return
  }
}

function summarize(entry: StoredAuditEntry): string {
  const { at, actor, address, action, target, detail } = entry
  const where = address === null ? actor : `${actor} from ${address}`
  return [new Date(at).toISOString(), where, action, target, JSON.stringify(detail)].join('\t')
}
