import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { sortedOnce } from '../store/tables.ts'
import type { ImportedUser } from '../store/user-upsert.ts'
import type { Line } from './lines.ts'
import { isPasswordHash, passwordHashRule } from './password-hasher.ts'
import { checkUser, UserRuleBroken } from './user-rules.ts'

/** One user of an import, as a line says it. What is left out stays as it is, or is as for any new user. */
export const importedUserSchema = Type.Object(
  {
    username: Type.String({ description: 'Tells users apart, in whatever case; 1 to 100 characters.' }),
    display_name: Type.Optional(Type.String({ description: 'What people call the user.' })),
    entitlements: Type.Optional(Type.Array(Type.String(), { description: 'What the user may see.' })),
    password_hash: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: `A hash that was made elsewhere; it ${passwordHashRule}. Null takes the password away.`,
      }),
    ),
    disabled: Type.Optional(Type.Boolean({ description: 'Whether the user is kept out.' })),
  },
  { additionalProperties: false },
)

type UserLine = Static<typeof importedUserSchema>

/** A line that is no user, or one who breaks a rule; the rule repeats no password hash. */
export class UserLineBroken extends Error {
  readonly member: string | undefined
  readonly rule: string

  constructor(member: string | undefined, rule: string) {
    super(rule)
    this.name = 'UserLineBroken'
    this.member = member
    this.rule = rule
  }
}

/** Throws {@link UserLineBroken}. */
export function readImportedUser({ text, fault }: Line, maxBytes: number): ImportedUser {
  if (fault === 'too-long')
    throw new UserLineBroken(undefined, `a line must be at most ${maxBytes} bytes long`)
  if (text === undefined) throw new UserLineBroken(undefined, 'a line must be UTF-8')
  const line = checkMembers(parse(text))
  const { username, display_name, entitlements, password_hash, disabled } = line
  checkRules(line)
  if (typeof password_hash === 'string' && !isPasswordHash(password_hash))
    throw new UserLineBroken('password_hash', passwordHashRule)
  return {
    username,
    displayName: display_name,
    entitlements: entitlements && sortedOnce(entitlements),
    passwordHash: password_hash,
    isDisabled: disabled,
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new UserLineBroken(undefined, 'a line must be one JSON object')
}

const validator = Compile(importedUserSchema)

function checkMembers(value: Record<string, unknown>): UserLine {
  if ('password' in value)
    throw new UserLineBroken('password', 'is not taken here: hash it first, and send it as password_hash')
  const unknown = Object.keys(value).find((member) => !Object.hasOwn(importedUserSchema.properties, member))
  if (unknown !== undefined) throw new UserLineBroken(unknown.slice(0, 64), knownMembers)
  if (validator.Check(value)) return value
  const [error] = validator.Errors(value)
  const member = error?.instancePath.split('/')[1]
  if (member === undefined) throw new UserLineBroken('username', 'is missing')
  throw new UserLineBroken(member, error?.message ?? 'is of the wrong type')
}

const knownMembers = `is not known; the members are ${Object.keys(importedUserSchema.properties).join(', ')}`

/** A new user's rules, whether the user is new or not: what a line leaves out breaks none. */
function checkRules({ username, display_name, entitlements }: UserLine): void {
  try {
    checkUser({
      id: '',
      username,
      displayName: display_name ?? username,
      entitlements: entitlements ?? [],
      hasPassword: false,
      createdAt: 0,
      updatedAt: 0,
      disabledAt: null,
    })
  } catch (error) {
    if (!(error instanceof UserRuleBroken)) throw error
    throw new UserLineBroken(error.member === 'displayName' ? 'display_name' : error.member, error.message)
  }
}
