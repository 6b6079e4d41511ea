import type { User } from '../../oauth-server/store/user-repository.ts'
import { printJson, type StoreOptions } from '../store-options.ts'

const passwordWarning = 'Keep the password now: it is shown this once and cannot be read again.'

/** Prints a user, with a password that was just made and is never to be seen again. */
export function printUser(user: User, { json }: StoreOptions, password?: string): void {
  if (json) printJson({ ...userToJson(user), ...(password !== undefined && { password }) })
  else if (password === undefined) console.log(describe(user))
  else console.log(`${describe(user)}\npassword      ${password}\n\n${passwordWarning}`)
}

export function userToJson(user: User): Record<string, unknown> {
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

/** A user as one line of a list. */
export function summarizeUser({ username, displayName, id, disabledAt }: User): string {
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
