import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import type { Database } from '../oauth-server/store/tables.ts'
import { PasswordHasher } from '../oauth-server/users/password-hasher.ts'
import { UserRegistry } from '../oauth-server/users/user-registry.ts'
import { administer, everyItem, printList, splitCommas } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import {
  type StoreOptions,
  settingsOf,
  withExistingStore,
  withStore,
  withStoreOptions,
} from './store-options.ts'
import { changeCommand } from './user/change.ts'
import { deleteCommand } from './user/delete.ts'
import { printUser, summarizeUser, userToJson } from './user/describe.ts'
import { importCommand } from './user/import.ts'

interface PasswordOptions extends StoreOptions {
  readonly passwordStdin?: boolean
}

interface CreateOptions extends PasswordOptions {
  readonly displayName?: string
  readonly entitlements: string
}

interface ListOptions extends StoreOptions {
  readonly username?: string
  readonly disabled?: boolean
}

/** `passerelle user …`: the people who can sign in at the authorization server, which may run meanwhile. */
export function userCommand(): Command {
  return new Command('user')
    .description('make, list, change, disable and take away the users who can sign in')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(changeCommand())
    .addCommand(switchCommand('disable', 'have a user neither sign in nor be acted for'))
    .addCommand(switchCommand('enable', 'let a user in again'))
    .addCommand(deleteCommand())
    .addCommand(setPasswordCommand())
    .addCommand(importCommand())
}

const passwordOption = [
  '--password-stdin',
  'read the password from standard input; without it one is made, and printed once',
] as const

function createCommand(): Command {
  return withStoreOptions(new Command('create'))
    .description('make a user with a password')
    .argument('<username>', 'what the user signs in with')
    .option('--display-name <name>', 'how pages call the user (default: the username)')
    .option('--entitlements <entitlements>', 'what the user may see, separated by commas', '')
    .option(...passwordOption)
    .action(async (username: string, options: CreateOptions) => {
      const { password, isMade } = await obtainPassword(options)
      const { displayName, entitlements } = options
      const wanted = {
        username,
        password,
        entitlements: splitCommas(entitlements),
        ...(displayName !== undefined && { displayName }),
      }
      const user = await withStore(settingsOf(options), (db) => registryOf(db).create(wanted, commandLine()))
      printUser(user, options, isMade ? password : undefined)
    })
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the users, oldest first; by username where its beginning is given')
    .option('--username <prefix>', 'only those whose username begins so')
    .option('--disabled', 'only those that are disabled')
    .option('--no-disabled', 'only those that are not disabled')
    .action((options: ListOptions) =>
      administer(options, ({ users }) => {
        const filter = { usernamePrefix: options.username, isDisabled: options.disabled }
        const items = everyItem((request) => users.page(filter, request))
        return printList(items, options, { toJson: userToJson, toLine: summarizeUser })
      }),
    )
}

function showCommand(): Command {
  return withStoreOptions(new Command('show'))
    .description('show one user')
    .argument('<user>', 'the username or the subject')
    .action(async (name: string, options: StoreOptions) => {
      const user = await withExistingStore(settingsOf(options), (db) => registryOf(db).showNamed(name))
      printUser(user, options)
    })
}

function switchCommand(verb: 'disable' | 'enable', description: string): Command {
  return withStoreOptions(new Command(verb))
    .description(description)
    .argument('<user>', 'the username or the subject')
    .action(async (name: string, options: StoreOptions) => {
      const user = await withExistingStore(settingsOf(options), async (db) => {
        const registry = registryOf(db)
        const { id } = await registry.showNamed(name)
        return registry[verb](id, commandLine())
      })
      printUser(user, options)
    })
}

function setPasswordCommand(): Command {
  return withStoreOptions(new Command('set-password'))
    .description('give a user a new password and end their sessions')
    .argument('<user>', 'the username or the subject')
    .option(...passwordOption)
    .action(async (name: string, options: PasswordOptions) => {
      const { password, isMade } = await obtainPassword(options)
      const user = await withExistingStore(settingsOf(options), async (db) => {
        const registry = registryOf(db)
        const { id } = await registry.showNamed(name)
        await registry.setPassword(id, password, commandLine())
        return registry.show(id)
      })
      printUser(user, options, isMade ? password : undefined)
    })
}

function registryOf(db: Database): UserRegistry {
  return new UserRegistry(db, { now: Date.now, hasher: new PasswordHasher(randomBytes) })
}

/** Never an argument: every user of the machine sees the arguments of a process, and shells keep them. */
async function obtainPassword({ passwordStdin }: PasswordOptions) {
  if (passwordStdin) return { password: (await text(process.stdin)).replace(/\r?\n$/, ''), isMade: false }
  return { password: randomBytes(15).toString('base64url'), isMade: true }
}
