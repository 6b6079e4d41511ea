/** Nothing is known by this id. */
export class ThingNotFound extends Error {
  constructor(what: string, id: string) {
    super(`there is no ${what} ${JSON.stringify(id)}`)
    this.name = 'ThingNotFound'
  }
}

/**
 * A client or a user has no such secret or token. What has not the form of an id is not repeated: people paste the secret
 * itself.
 */
export class CredentialNotFound extends ThingNotFound {
  constructor(what: 'secret' | 'token', id: string, owner: { readonly kind: string; readonly id: string }) {
    super(what, id)
    this.name = 'CredentialNotFound'
    const named = /^[a-z0-9]{1,32}$/.test(id) ? JSON.stringify(id) : 'by what was given'
    this.message = `the ${owner.kind} ${JSON.stringify(owner.id)} has no ${what} ${named}: name one by the id that the list of ${what}s gives`
  }
}

/** Where a rule is broken: the value is shown, so that it is never a secret. */
export interface BrokenRule {
  readonly value: string
  readonly rule: string
}

/** A member of a thing breaks a rule; the message is one line that names the member, its value and the rule. */
export class RuleBroken extends Error implements BrokenRule {
  readonly member: string
  readonly value: string
  readonly rule: string

  /** `what` names the thing and its member as people do, such as `the client's role`. */
  constructor(member: string, what: string, { value, rule }: BrokenRule) {
    super(`${what} ${JSON.stringify(value)} ${rule}`)
    this.name = 'RuleBroken'
    this.member = member
    this.value = value
    this.rule = rule
  }
}

/** Why a change does not go with what is there. */
export type ConflictCode = 'exists' | 'in-use' | 'last-admin' | 'too-many-secrets' | 'no-secrets'

/** A change that is right by itself, and does not go with what is there; the message says what to do. */
export class ChangeConflict extends Error {
  readonly code: ConflictCode

  constructor(code: ConflictCode, message: string) {
    super(message)
    this.name = 'ChangeConflict'
    this.code = code
  }
}

/** Somebody else has changed the thing since it was read. */
export class VersionMismatch extends Error {
  constructor() {
    super('it was changed since it was read: read it again, and repeat the change on what it is now')
    this.name = 'VersionMismatch'
  }
}
