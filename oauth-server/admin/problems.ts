import type { FastifyError } from 'fastify'
import { Type } from 'typebox'
import {
  ChangeConflict,
  type ConflictCode,
  RuleBroken,
  ThingNotFound,
  VersionMismatch,
} from '../refused-changes.ts'
import { isStoreUnavailable } from '../store/unavailable.ts'
import { HasherOverloaded } from '../users/password-hasher.ts'
import { UserNotFound } from '../users/user-registry.ts'
import { UserRuleBroken } from '../users/user-rules.ts'

/** Every way in which the admin API refuses, with its status and its title. */
export const problemDefinitions = {
  'token-missing': { status: 401, title: 'The admin API needs an access token' },
  'token-invalid': { status: 401, title: 'The access token is unknown, expired or revoked' },
  'scope-insufficient': { status: 403, title: 'The access token does not allow this' },
  'member-invalid': { status: 400, title: 'A member or a parameter breaks a rule' },
  'body-malformed': { status: 400, title: 'The request cannot be read' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The method is not taken here' },
  exists: { status: 409, title: 'It is there already' },
  'in-use': { status: 409, title: 'It is in use' },
  'last-admin': { status: 409, title: 'Nobody could administer any more' },
  'too-many-secrets': { status: 409, title: 'The client has as many secrets as it may have' },
  'no-secrets': { status: 409, title: 'The client takes no secrets' },
  'changed-meanwhile': { status: 412, title: 'It was changed since it was read' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'media-type-unsupported': { status: 415, title: 'The body is of a type that is not taken here' },
  failed: { status: 500, title: 'The server failed' },
  unavailable: { status: 503, title: 'The server cannot do this at the moment' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>> &
  Readonly<Record<ConflictCode, unknown>>

export type ProblemCode = keyof typeof problemDefinitions

/** What is said beside the definition. */
export interface ProblemDetails {
  readonly detail: string
  readonly member?: string | undefined
  readonly value?: string | undefined
  readonly rule?: string | undefined
}

/** A refusal of the admin API, as RFC 9457 tells it. */
export class AdminProblem extends Error {
  readonly code: ProblemCode
  readonly details: ProblemDetails
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, details: ProblemDetails, headers: Readonly<Record<string, string>> = {}) {
    super(details.detail)
    this.name = 'AdminProblem'
    this.code = code
    this.details = details
    this.headers = headers
  }

  get status(): number {
    return problemDefinitions[this.code].status
  }

  /** The body of the answer. */
  toBody(): Readonly<Record<string, unknown>> {
    const type = `urn:passerelle:admin:error:${this.code}`
    return { type, ...problemDefinitions[this.code], ...this.details }
  }
}

export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'urn:passerelle:admin:error: and the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What is wrong here, and what to do about it.' }),
    member: Type.Optional(Type.String({ description: 'The member or parameter that is at fault.' })),
    value: Type.Optional(Type.String({ description: 'What it is; left out where it may be secret.' })),
    rule: Type.Optional(Type.String({ description: 'What must hold.' })),
  },
  { description: 'A problem document (RFC 9457).' },
)

/** The one place where a failure becomes what an administrator sees. */
export function toProblem(error: unknown): AdminProblem {
  if (error instanceof AdminProblem) return error
  if (error instanceof RuleBroken) {
    const { value, rule } = error
    return new AdminProblem('member-invalid', {
      detail: error.message,
      member: wireName(error.member),
      value: value.slice(0, 200),
      rule,
    })
  }
  if (error instanceof UserRuleBroken)
    return new AdminProblem('member-invalid', { detail: error.message, member: wireName(error.member) })
  if (error instanceof ThingNotFound || error instanceof UserNotFound)
    return new AdminProblem('not-found', { detail: error.message })
  if (error instanceof ChangeConflict) return new AdminProblem(error.code, { detail: error.message })
  if (error instanceof VersionMismatch)
    return new AdminProblem('changed-meanwhile', { detail: error.message })
  if (error instanceof HasherOverloaded) return unavailable('Too many passwords wait to be hashed.')
  return toHttpProblem(error)
}

function toHttpProblem(error: unknown): AdminProblem {
  if (isStoreUnavailable(error)) return unavailable('The database cannot be reached at the moment.')
  if (isBrokenConstraint(error))
    return new AdminProblem('exists', {
      detail: 'Somebody else changed the same at the same time: look at it again, then repeat the change.',
    })
  const status = (error as Partial<FastifyError>).statusCode ?? 500
  if (status === 413)
    return new AdminProblem('body-too-large', { detail: 'The body is larger than 256 KiB.' })
  if (status === 415)
    return new AdminProblem('media-type-unsupported', {
      detail: 'See /openapi.json for the types of bodies that are taken here.',
    })
  if (status < 500)
    return new AdminProblem('body-malformed', {
      detail: 'The request is not well-formed, or its body is no JSON.',
    })
  return new AdminProblem('failed', { detail: 'The cause is in the log of the server.' })
}

function unavailable(detail: string): AdminProblem {
  return new AdminProblem('unavailable', { detail }, { 'retry-after': '1' })
}

/** What two changes at once can run into: a key that exists by now, or a row that is gone by now. */
function isBrokenConstraint(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && (error.code === '23505' || error.code === '23503')) return true
  // SQLITE_CONSTRAINT
  return 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 19
}

const wireNames: Readonly<Record<string, string>> = {
  planId: 'plan',
  quota: 'rate_limit',
  accessTokenLifetimeMs: 'access_token_lifetime',
  refreshTokenLifetimeMs: 'refresh_token_lifetime',
}

/** How the API calls a member. */
function wireName(member: string): string {
  return wireNames[member] ?? member.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
