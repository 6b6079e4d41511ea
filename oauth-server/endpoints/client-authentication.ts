import type { ClientCredentials } from '../clients/client-authenticator.ts'
import { RequestRefused, refusals } from '../errors.ts'
import { decodeFormText, type Form } from './form.ts'

/**
 * The one set of credentials that a request carries, by HTTP Basic or in the form (RFC 6749 §2.3.1). The query is never
 * looked at. Throws {@link RequestRefused} when there is none, or more than one.
 */
export function readClientCredentials(authorization: readonly string[], form: Form): ClientCredentials {
  const [header, ...others] = authorization
  if (others.length > 0) throw new RequestRefused(refusals.severalAuthentications)
  return header === undefined ? fromForm(form) : fromHeader(header, form)
}

/** Reads `Basic …` with form-encoded halves (RFC 6749 appendix B); `undefined` when it is anything else. */
export function parseBasic(header: string): ClientCredentials | undefined {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(header)?.[1]
  // Bytes outside ASCII decode to signs that the form-decoding refuses, as an encoder would have escaped them.
  const [, user, password] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('latin1')) ?? []
  const id = decodeFormText(user ?? '')
  const secret = decodeFormText(password ?? '')
  return id && secret ? { id, secret } : undefined
}

function fromForm(form: Form): ClientCredentials {
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (id === undefined || secret === undefined) throw new RequestRefused(refusals.invalidClient)
  return { id, secret }
}

function fromHeader(header: string, form: Form): ClientCredentials {
  if (form.has('client_secret')) throw new RequestRefused(refusals.severalAuthentications)
  const credentials = parseBasic(header)
  if (credentials === undefined) throw new RequestRefused(refusals.invalidClient)
  // Many libraries repeat the id in the form: that is no second authentication as long as it is the same id.
  if ((form.get('client_id') ?? credentials.id) !== credentials.id)
    throw new RequestRefused(refusals.severalAuthentications)
  return credentials
}
