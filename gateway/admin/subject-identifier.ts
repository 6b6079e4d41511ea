import { isBearerToken } from '../../common/bearer-token.ts'
import type { RevocationTarget } from '../revocation.ts'
import type { IssuerProviders, ProvidersOf } from './known-issuers.ts'
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

/** The issuer that a subject is of is none that the gateway knows. */
export class IssuerUnknown extends SubjectMalformed {
  constructor() {
    super(
      'iss of the subject is neither the issuer of an identity provider of this gateway nor one of the option revocation.transmitters',
    )
    this.name = 'IssuerUnknown'
  }
}

/** Whom a subject identifier means. */
export interface NamedSubject {
  readonly target: RevocationTarget
  /** Of which identity providers the subject's tokens are, where it says who its issuer is. */
  readonly providers: IssuerProviders
}

/** What a bare id names, and which issuers there are. */
export interface SubjectContext {
  readonly kind: SubjectKind
  readonly providersOf: ProvidersOf
}

const maxAliases = 20

/**
 * Whose tokens a subject identifier (RFC 9493) means, as far as a gateway can name them; `undefined` for formats that
 * name what no gateway knows, such as an address or a session. Formats in the spelling of the drafts before it are taken
 * too. Throws {@link SubjectMalformed}, of which {@link IssuerUnknown} is one.
 */
export function targetOf(subject: unknown, context: SubjectContext): NamedSubject | undefined {
  const members = asObject(subject)
  const format = members.format ?? members.subject_type
  if (typeof format !== 'string') throw new SubjectMalformed('a subject identifier must have a format')
  switch (format) {
    case 'aliases':
      return targetOfAliases(members.identifiers, context)
    case 'complex':
      return targetOfComplex(members, context)
    default:
      return targetOfSimple(format, members, context)
  }
}

function targetOfSimple(
  format: string,
  members: Readonly<Record<string, unknown>>,
  { kind, providersOf }: SubjectContext,
): NamedSubject | undefined {
  switch (format) {
    case 'iss_sub':
    case 'iss-sub':
      return {
        target: { kind, id: requireId(members.sub, 'sub') },
        providers: ofIssuer(members.iss, providersOf),
      }
    case 'id_token_claims':
      if (members.sub === undefined) return undefined
      return {
        target: { kind, id: requireId(members.sub, 'sub') },
        providers: members.iss === undefined ? 'all' : ofIssuer(members.iss, providersOf),
      }
    case 'opaque':
      return ofAll({ kind, id: requireId(members.id, 'id') })
    case 'oauth_client':
      return ofAll({ kind: 'client', id: requireId(members.client_id, 'client_id') })
    case 'oauth_token':
      return ofAll(targetOfToken(members))
    default:
      return undefined
  }
}

/** A user of one issuer is not the user of the same name of another (RFC 9493 §3.2.4). */
function ofIssuer(iss: unknown, providersOf: ProvidersOf): IssuerProviders {
  requireText(iss, 'iss')
  const providers = providersOf(iss)
  if (providers === undefined) throw new IssuerUnknown()
  return providers
}

function ofAll(target: RevocationTarget | undefined): NamedSubject | undefined {
  return target && { target, providers: 'all' }
}

/** Of a token that is told as a hash or by its beginning, a gateway that keeps hashes of its own cannot find the other. */
function targetOfToken({ token, token_identifier_alg: told }: Readonly<Record<string, unknown>>) {
  requireText(token, 'token')
  if (told !== 'plain') return undefined
  if (!isBearerToken(token)) throw new SubjectMalformed('token must be a token as it is presented')
  return { kind: 'token', token } as const
}

/** All of them name one subject: the first that says something to a gateway will do. Some may be of others' issuers. */
function targetOfAliases(identifiers: unknown, context: SubjectContext): NamedSubject | undefined {
  if (!Array.isArray(identifiers) || identifiers.length === 0 || identifiers.length > maxAliases)
    throw new SubjectMalformed(`identifiers must be a list of 1 to ${maxAliases}`)
  let unknown: IssuerUnknown | undefined
  const targets = identifiers.map((identifier: unknown) => {
    const members = asObject(identifier)
    const { format } = members
    if (typeof format !== 'string' || format === 'aliases' || format === 'complex')
      throw new SubjectMalformed('each of the identifiers must be a simple one')
    try {
      return targetOfSimple(format, members, context)
    } catch (error) {
      if (!(error instanceof IssuerUnknown)) throw error
      unknown = error
      return undefined
    }
  })
  const found = targets.find((target) => target !== undefined)
  if (found === undefined && unknown !== undefined) throw unknown
  return found
}

/**
 * Of a user's one session or device a gateway knows nothing: all of the user's tokens are meant then, which is more than
 * was asked and never less. Without a user it is the application; never a whole application for a user who cannot be named.
 */
function targetOfComplex(
  { user, application }: Readonly<Record<string, unknown>>,
  { providersOf }: SubjectContext,
): NamedSubject | undefined {
  if (user !== undefined) return targetWithin(user, { kind: 'user', providersOf })
  return application === undefined ? undefined : targetWithin(application, { kind: 'client', providersOf })
}

function targetWithin(subject: unknown, context: SubjectContext): NamedSubject | undefined {
  if (asObject(subject).format === 'complex')
    throw new SubjectMalformed('a complex subject must hold simple ones')
  return targetOf(subject, context)
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
