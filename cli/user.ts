import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import type { Database } from '../oauth-server/store/tables.ts'
import type { User } from '../oauth-server/store/user-repository.ts'
import { PasswordHasher } from '../oauth-server/users/password-hasher.ts'
import { UserRegistry } from '../oauth-server/users/user-registry.ts'
import { administer, everyItem, printList } from './administer.ts'
import { commandLine } from './command-line-actor.ts'
import {
  printJson,
  type StoreOptions,
  settingsOf,
  withExistingStore,
  withStore,
  withStoreOptions,
} from './store-options.ts'
import { importCommand } from './user-import.ts'

interface PasswordOptions extends StoreOptions {
  readonly passwordStdin?: boolean
}

interface CreateOptions extends PasswordOptions {
  readonly displayName?: string
  readonly entitlements: string
}

/** `passerelle user …`: the people who can sign in at the authorization server, which may run meanwhile. */
export function userCommand(): Command {
  return new Command('user')
    .description('make, list, disable and show the users who can sign in')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(switchCommand('disable', 'have a user neither sign in nor be acted for'))
    .addCommand(switchCommand('enable', 'let a user in again'))
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
        entitlements: entitlements === '' ? [] : entitlements.split(',').map((item) => item.trim()),
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
    .action((options: StoreOptions & { readonly username?: string }) =>
      administer(options, ({ users }) => {
        const items = everyItem((request) => users.page({ usernamePrefix: options.username }, request))
        return printList(items, options, { toJson, toLine: summarize })
      }),
    )
}

function showCommand(): Command {
  return withStoreOptions(new Command('show'))
    .description('show one user')
    .argument('<username>', 'the username')
    .action(async (username: string, options: StoreOptions) => {
      const user = await withExistingStore(settingsOf(options), (db) =>
        registryOf(db).showByUsername(username),
      )
      printUser(user, options)
    })
}

function switchCommand(name: 'disable' | 'enable', description: string): Command {
  return withStoreOptions(new Command(name))
    .description(description)
    .argument('<username>', 'the username')
    .action(async (username: string, options: StoreOptions) => {
      const user = await withExistingStore(settingsOf(options), async (db) => {
        const registry = registryOf(db)
        const { id } = await registry.showByUsername(username)
        return registry[name](id, commandLine())
      })
      printUser(user, options)
    })
}

function setPasswordCommand(): Command {
  return withStoreOptions(new Command('set-password'))
    .description('give a user a new password and end their sessions')
    .argument('<username>', 'the username')
    .option(...passwordOption)
    .action(async (username: string, options: PasswordOptions) => {
      const { password, isMade } = await obtainPassword(options)
      const user = await withExistingStore(settingsOf(options), async (db) => {
        const registry = registryOf(db)
        const { id } = await registry.showByUsername(username)
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

const passwordWarning = 'Keep the password now: it is shown this once and cannot be read again.'

function printUser(user: User, { json }: StoreOptions, password?: string): void {
  if (json) printJson({ ...toJson(user), ...(password !== undefined && { password }) })
  else if (password === undefined) console.log(describe(user))
  else console.log(`${describe(user)}\npassword      ${password}\n\n${passwordWarning}`)
}

function toJson(user: User): Record<string, unknown> {
  return {
    sub: user.id,
    username: user.username,
    display_name: user.displayName,
    entitlements: user.entitlements,
    has_password: user.hasPassword,
    created_at: new Date(user.createdAt).toISOString(),
    disabled: user.disabledAt !== null,
  }
}

function summarize({ username, displayName, id, disabledAt }: User): string {
  return [username, displayName, id, ...(disabledAt === null ? [] : ['disabled'])].join('\t')
}

function describe(user: User): string {
  return [
    `username      ${user.username}`,
    `subject       ${user.id}`,
    `display name  ${user.displayName}`,
    `entitlements  ${user.entitlements.join(', ')}`,
    `created       ${new Date(user.createdAt).toISOString()}`,
    ...(user.disabledAt === null ? [] : [`disabled      ${new Date(user.disabledAt).toISOString()}`]),
  ].join('\n')
}
