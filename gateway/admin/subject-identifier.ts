import { isBearerToken } from '../../common/bearer-token.ts'
import type { RevocationTarget } from '../revocation.ts'
import { isPlainId } from './revocation-request.ts'

/** Whom a bare id names: the subject of most events is a user, that of events about clients a client. */
export type SubjectKind = 'user' | 'client'

/** A subject identifier that is not what its format says it is. The message names the member and the rule. */
export class SubjectMalformed extends Error {
  constructor(rule: string) {
    super(rule)
    this.name = 'SubjectMalformed'
  }
}

const maxAliases = 20

/**
 * Whose tokens a subject identifier (RFC 9493) means, as far as a gateway can name them; `undefined` for formats that
 * name what no gateway knows, such as an address or a session. Formats in the spelling of the drafts before it are taken
 * too. Throws {@link SubjectMalformed}.
 */
export function targetOf(subject: unknown, kind: SubjectKind): RevocationTarget | undefined {
  const members = asObject(subject)
  const format = members.format ?? members.subject_type
  if (typeof format !== 'string') throw new SubjectMalformed('a subject identifier must have a format')
  switch (format) {
    case 'aliases':
      return targetOfAliases(members.identifiers, kind)
    case 'complex':
      return targetOfComplex(members)
    default:
      return targetOfSimple(format, members, kind)
  }
}

function targetOfSimple(
  format: string,
  members: Readonly<Record<string, unknown>>,
  kind: SubjectKind,
): RevocationTarget | undefined {
  switch (format) {
    case 'iss_sub':
    case 'iss-sub':
      requireText(members.iss, 'iss')
      return { kind, id: requireId(members.sub, 'sub') }
    case 'id_token_claims':
      return members.sub === undefined ? undefined : { kind, id: requireId(members.sub, 'sub') }
    case 'opaque':
      return { kind, id: requireId(members.id, 'id') }
    case 'oauth_client':
      return { kind: 'client', id: requireId(members.client_id, 'client_id') }
    case 'oauth_token':
      return targetOfToken(members)
    default:
      return undefined
  }
}

/** Of a token that is told as a hash or by its beginning, a gateway that keeps hashes of its own cannot find the other. */
function targetOfToken({ token, token_identifier_alg: told }: Readonly<Record<string, unknown>>) {
  requireText(token, 'token')
  if (told !== 'plain') return undefined
  if (!isBearerToken(token)) throw new SubjectMalformed('token must be a token as it is presented')
  return { kind: 'token', token } as const
}

/** All of them name one subject: the first that says something to a gateway will do. */
function targetOfAliases(identifiers: unknown, kind: SubjectKind): RevocationTarget | undefined {
  if (!Array.isArray(identifiers) || identifiers.length === 0 || identifiers.length > maxAliases)
    throw new SubjectMalformed(`identifiers must be a list of 1 to ${maxAliases}`)
  const targets = identifiers.map((identifier: unknown) => {
    const members = asObject(identifier)
    const { format } = members
    if (typeof format !== 'string' || format === 'aliases' || format === 'complex')
      throw new SubjectMalformed('each of the identifiers must be a simple one')
    return targetOfSimple(format, members, kind)
  })
  return targets.find((target) => target !== undefined)
}

/**
 * Of a user's one session or device a gateway knows nothing: all of the user's tokens are meant then, which is more than
 * was asked and never less. Without a user it is the application; never a whole application for a user who cannot be named.
 */
function targetOfComplex({ user, application }: Readonly<Record<string, unknown>>) {
  if (user !== undefined) return targetWithin(user, 'user')
  return application === undefined ? undefined : targetWithin(application, 'client')
}

function targetWithin(subject: unknown, kind: SubjectKind): RevocationTarget | undefined {
  if (asObject(subject).format === 'complex')
    throw new SubjectMalformed('a complex subject must hold simple ones')
  return targetOf(subject, kind)
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SubjectMalformed('a subject identifier must be an object')
  return { ...value }
}

function requireText(value: unknown, member: string): asserts value is string {
  if (typeof value !== 'string' || value === '' || value.length > 4_200)
    throw new SubjectMalformed(`${member} must be a text`)
}

function requireId(value: unknown, member: string): string {
  requireText(value, member)
  if (!isPlainId(value)) throw new SubjectMalformed(`${member} must be an id of 1 to 256 characters`)
  return value
}
