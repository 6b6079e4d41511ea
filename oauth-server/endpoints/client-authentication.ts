import { assertionType, claimedClient } from '../clients/client-assertion.ts'
import type { ClientCredentials } from '../clients/client-authenticator.ts'
import { challengedClient, type Refusal, RequestRefused, refusals } from '../errors.ts'
import { decodeFormText, type Form } from './form.ts'

/**
 * The one set of credentials that a request carries (RFC 6749 §2.3): HTTP Basic, a secret or an assertion (RFC 7521 §4.2)
 * in the form, or for a public client its id alone. The query is never looked at. `undefined` where there are none, or
 * none that can be read. Throws {@link RequestRefused} when there is more than one.
 */
export function readClientCredentials(
  authorization: readonly string[],
  form: Form,
): ClientCredentials | undefined {
  const [header] = authorization
  const isAsserted = form.has('client_assertion') || form.has('client_assertion_type')
  const ways = authorization.length + Number(form.has('client_secret')) + Number(isAsserted)
  if (ways > 1) throw new RequestRefused(refusals.severalAuthentications)
  if (header !== undefined) return fromHeader(header, form)
  return isAsserted ? fromAssertion(form) : fromForm(form)
}

const formCredentials = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const

/**
 * How a client that has not authenticated is refused, by nothing but the way in which it tried. Who sent an Authorization
 * header is challenged (RFC 6749 §5.2), and so is who sent nothing at all, as RFC 9110 §15.5.2 wants of a 401. Who sent
 * credentials in the form is not: client libraries take a challenge for the whole answer, and hide `invalid_client`.
 */
export function refusalOfClient(authorization: readonly string[], form: Form): Refusal {
  const isInForm = authorization.length === 0 && formCredentials.some((name) => form.has(name))
  return isInForm ? refusals.invalidClient : challengedClient
}

/** Reads `Basic …` with form-encoded halves (RFC 6749 appendix B); `undefined` when it is anything else. */
export function parseBasic(header: string): { readonly id: string; readonly secret: string } | undefined {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(header)?.[1]
  // Bytes outside ASCII decode to signs that the form-decoding refuses, as an encoder would have escaped them.
  const [, user, password] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('latin1')) ?? []
  const id = decodeFormText(user ?? '')
  const secret = decodeFormText(password ?? '')
  return id && secret ? { id, secret } : undefined
}

function fromForm(form: Form): ClientCredentials | undefined {
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (id === undefined) return undefined
  return secret === undefined ? { method: 'none', id } : { method: 'client_secret_post', id, secret }
}

function fromHeader(header: string, form: Form): ClientCredentials | undefined {
  const credentials = parseBasic(header)
  if (credentials === undefined) return undefined
  // Many libraries repeat the id in the form: that is no second authentication as long as it is the same id.
  if ((form.get('client_id') ?? credentials.id) !== credentials.id)
    throw new RequestRefused(refusals.severalAuthentications)
  return { method: 'client_secret_basic', ...credentials }
}

/** The id need not be in the form, as the assertion says it (RFC 7521 §4.2); where it is, the assertion must say the same. */
function fromAssertion(form: Form): ClientCredentials | undefined {
  const assertion = form.get('client_assertion')
  if (assertion === undefined || form.get('client_assertion_type') !== assertionType) return undefined
  const id = form.get('client_id') ?? claimedClient(assertion)
  return typeof id === 'string' ? { method: 'private_key_jwt', id, assertion } : undefined
}
