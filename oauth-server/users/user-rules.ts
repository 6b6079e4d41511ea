import { isScopeToken, scopeTokenRule } from '../../common/scope-token.ts'
import type { User } from '../store/user-repository.ts'

/** Something about a user breaks a rule; the message is one line that names the thing, its value and the rule. */
export class UserRuleBroken extends Error {
  /** What is at fault. */
  readonly member: 'username' | 'displayName' | 'entitlements' | 'password'

  constructor(member: UserRuleBroken['member'], text: string) {
    super(text)
    this.name = 'UserRuleBroken'
    this.member = member
  }
}

const maxEntitlements = 100
const minPasswordLength = 8
/** Long enough for a sentence; what is longer only burns the server's time. */
const maxPasswordLength = 200

/** Holds a user against every rule. Throws {@link UserRuleBroken} for the first that is broken. */
export function checkUser({ username, displayName, entitlements }: User): void {
  if (!/^[\p{L}\p{M}\p{N}._@+-]{1,100}$/u.test(username))
    throw new UserRuleBroken(
      'username',
      `the username ${JSON.stringify(username.slice(0, 120))} must be 1 to 100 letters, digits or the signs . _ @ + -`,
    )
  if (!/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(displayName) || displayName.trim() === '')
    throw new UserRuleBroken(
      'displayName',
      `the user's display name ${JSON.stringify(displayName.slice(0, 120))} must be 1 to 100 printable characters`,
    )
  checkEntitlements(entitlements)
}

/**
 * Holds a new password against the rules: a length, and nothing about its signs (NIST SP 800-63B §3.1.1.2). Throws
 * {@link UserRuleBroken}, whose message never repeats the password.
 */
export function checkPassword(password: string): void {
  const { length } = [...password]
  if (length < minPasswordLength || length > maxPasswordLength || /\p{Cc}/u.test(password))
    throw new UserRuleBroken(
      'password',
      `the password must have ${minPasswordLength} to ${maxPasswordLength} characters, and no control characters`,
    )
}

function checkEntitlements(entitlements: readonly string[]): void {
  if (entitlements.length > maxEntitlements)
    throw new UserRuleBroken(
      'entitlements',
      `the user's entitlements are ${entitlements.length}: they must be at most ${maxEntitlements}`,
    )
  const wrong = entitlements.find((text) => !isScopeToken(text))
  if (wrong !== undefined)
    throw new UserRuleBroken(
      'entitlements',
      `the user's entitlement ${JSON.stringify(wrong.slice(0, 80))} ${scopeTokenRule}`,
    )
}
