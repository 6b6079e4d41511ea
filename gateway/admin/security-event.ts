import type { Revocation } from '../revocation.ts'
import type { ProvidersOf } from './known-issuers.ts'
import {
  type NamedSubject,
  type SubjectContext,
  type SubjectKind,
  SubjectMalformed,
  targetOf,
} from './subject-identifier.ts'

/** The claims of a Security Event Token (RFC 8417) that say what happened, and to whom. */
export interface EventClaims {
  readonly events: unknown
  readonly sub_id?: unknown
  readonly sub?: unknown
}

/** What a Security Event Token asks of a gateway. */
export interface EventMeaning {
  readonly revocations: readonly Revocation[]
  /** Events of types that ask nothing of a gateway, or that it does not know. */
  readonly ignored: number
  /** Events that would ask something, about a subject that no gateway can name. */
  readonly unnameable: number
}

/** The claims of a token that is well signed are not those of a Security Event Token. The message names the rule. */
export class EventMalformed extends Error {
  constructor(rule: string) {
    super(rule)
    this.name = 'EventMalformed'
  }
}

const maxEvents = 10

/** `changed`: what the subject's tokens say is no longer so, though nobody took them away. */
interface EventRule {
  readonly effect: 'revoke' | 'changed'
  readonly kind: SubjectKind
}

const schemas = 'https://schemas.openid.net/secevent'
const revokesUser: EventRule = { effect: 'revoke', kind: 'user' }
const changesUser: EventRule = { effect: 'changed', kind: 'user' }

/**
 * What asks something of a gateway, by CAEP 1.0, RISC 1.0 and OAuth Event Types. That a credential was added or renewed,
 * or is to be renewed, ends no token: whoever issued them decides, and is asked again. Whatever else is told (an account
 * enabled, a token issued, a stream verified) is acknowledged and asks nothing.
 */
const rules: ReadonlyMap<string, EventRule> = new Map([
  [`${schemas}/caep/event-type/session-revoked`, revokesUser],
  [`${schemas}/caep/event-type/token-claims-change`, changesUser],
  [`${schemas}/caep/event-type/credential-change`, changesUser],
  [`${schemas}/caep/event-type/assurance-level-change`, changesUser],
  [`${schemas}/risc/event-type/account-disabled`, revokesUser],
  [`${schemas}/risc/event-type/account-purged`, revokesUser],
  [`${schemas}/risc/event-type/credential-compromise`, revokesUser],
  [`${schemas}/risc/event-type/sessions-revoked`, revokesUser],
  [`${schemas}/risc/event-type/account-credential-change-required`, changesUser],
  [`${schemas}/oauth/event-type/token-revoked`, revokesUser],
  [`${schemas}/oauth/event-type/tokens-revoked`, revokesUser],
  [`${schemas}/oauth/event-type/client-disabled`, { effect: 'revoke', kind: 'client' }],
  [`${schemas}/oauth/event-type/client-credential-changed`, { effect: 'changed', kind: 'client' }],
])

/** What decides what an event asks. */
export interface EventContext {
  /**
   * What takes effect when a token's claims have changed: `refresh` where the identity provider can be
   * asked again; `revoke` where the token itself holds them, and only a new one can tell otherwise.
   */
  readonly whenChanged: Revocation['effect']
  readonly providersOf: ProvidersOf
}

/** What the claims of a verified Security Event Token ask. Throws {@link EventMalformed}. */
export function readEvents(claims: EventClaims, { whenChanged, providersOf }: EventContext): EventMeaning {
  const { events } = claims
  if (!isObject(events)) throw new EventMalformed('events must be an object')
  const told = Object.entries(events)
  if (told.length === 0 || told.length > maxEvents)
    throw new EventMalformed(`events must have 1 to ${maxEvents} members`)
  const revocations: Revocation[] = []
  let ignored = 0
  let unnameable = 0
  for (const [type, event] of told) {
    if (!isObject(event)) throw new EventMalformed('each event must be an object')
    const rule = rules.get(type)
    const named = rule === undefined ? undefined : subjectOf(claims, event, { kind: rule.kind, providersOf })
    if (rule === undefined) ignored += 1
    else if (named === undefined) unnameable += 1
    else revocations.push(toRevocation(named, rule.effect === 'revoke' ? 'revoke' : whenChanged))
  }
  return { revocations, ignored, unnameable }
}

function toRevocation({ target, providers }: NamedSubject, effect: Revocation['effect']): Revocation {
  return providers === 'all' ? { target, effect } : { target, effect, providers }
}

/** `sub_id` by RFC 9493 and the Shared Signals framework; in the event's own `subject`, or as `sub`, by those before it. */
function subjectOf(
  claims: EventClaims,
  event: Readonly<Record<string, unknown>>,
  context: SubjectContext,
): NamedSubject | undefined {
  const { sub_id, sub } = claims
  const subject = sub_id ?? event.subject ?? (sub === undefined ? undefined : { format: 'opaque', id: sub })
  if (subject === undefined) throw new EventMalformed('the subject is missing: it belongs in sub_id')
  try {
    return targetOf(subject, context)
  } catch (error) {
    throw error instanceof SubjectMalformed ? new EventMalformed(error.message) : error
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
