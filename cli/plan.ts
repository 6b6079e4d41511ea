import { Command } from 'commander'
import { formatQuota } from '../common/quota.ts'
import { toPlanJson } from '../oauth-server/admin/plans.ts'
import type { Plan } from '../oauth-server/store/plan-repository.ts'
import { administer, everyItem, printList, splitCommas } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import { readRateLimit, readSeconds } from './quota-options.ts'
import { printJson, type StoreOptions, withStoreOptions } from './store-options.ts'

interface PlanOptions extends StoreOptions {
  readonly name?: string
  readonly roles?: string
  readonly rateLimit?: string
  readonly window?: string
  readonly createRoles?: boolean
}

/** `passerelle plan …`: quotas and roles that many clients share. */
export function planCommand(): Command {
  return new Command('plan')
    .description('make, list, show, change and take away plans')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(changeCommand())
    .addCommand(deleteCommand())
}

function withPlanOptions(command: Command): Command {
  return withStoreOptions(command)
    .option('--name <name>', 'what people call it (new: its id)')
    .option('--roles <roles>', 'what comes to the roles of its clients, separated by commas')
    .option('--rate-limit <requests>', 'requests that each of its clients may make in a window (new: 1000)')
    .option('--window <duration>', 'length of the window, such as 1m, 1h or 1d (new: 1h)')
    .option('--create-roles', 'make roles that are not known yet')
}

function toMembers(options: PlanOptions, before: Pick<Plan, 'name' | 'roles' | 'quota'>) {
  const { name = before.name, roles, rateLimit, window } = options
  return {
    name,
    roles: roles === undefined ? before.roles : splitCommas(roles),
    quota: {
      limit: rateLimit === undefined ? before.quota.limit : readRateLimit(rateLimit, "the plan's"),
      windowMs:
        window === undefined ? before.quota.windowMs : readSeconds(window, "the plan's window") * 1_000,
    },
  }
}

function createCommand(): Command {
  return withPlanOptions(new Command('create'))
    .description('make a plan')
    .argument('<id>', 'small letters, digits and hyphens')
    .action((id: string, options: PlanOptions) =>
      administer(options, async ({ plans }) => {
        const ordinary = { name: id, roles: [], quota: { limit: 1_000, windowMs: 3_600_000 } }
        const wanted = { id, ...toMembers(options, ordinary), createRoles: options.createRoles }
        print(await plans.create(wanted, commandLine()), options)
      }),
    )
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the plans by id')
    .action((options: StoreOptions) =>
      administer(options, ({ plans }) =>
        printList(
          everyItem((request) => plans.page(request)),
          options,
          { toJson: toPlanJson, toLine: summarize },
        ),
      ),
    )
}

function showCommand(): Command {
  return withStoreOptions(new Command('show'))
    .description('show one plan')
    .argument('<id>', 'the plan')
    .action((id: string, options: StoreOptions) =>
      administer(options, async ({ plans }) => print(await plans.show(id), options)),
    )
}

function changeCommand(): Command {
  return withPlanOptions(new Command('change'))
    .description('change a plan; it counts at once for every client that has it')
    .argument('<id>', 'the plan')
    .action((id: string, options: PlanOptions) =>
      administer(options, async ({ plans }) => {
        const change = {
          membersOf: (before: Plan) => toMembers(options, before),
          createRoles: options.createRoles,
        }
        print(await plans.change(id, change, commandLine()), options)
      }),
    )
}

function deleteCommand(): Command {
  return withStoreOptions(new Command('delete'))
    .description('take a plan away that no client has')
    .argument('<id>', 'the plan')
    .action(async (id: string, options: StoreOptions) => {
      await administer(options, ({ plans }) => plans.delete(id, commandLine()))
      if (options.json) printJson({ deleted: id })
      else console.log(`the plan ${id} is gone`)
    })
}

function print(plan: Plan, { json }: StoreOptions): void {
  if (json) printJson(toPlanJson(plan))
  else console.log(summarize(plan))
}

function summarize({ id, name, roles, quota }: Plan): string {
  return [id, name, roles.join(','), formatQuota(quota)].join('\t')
}
