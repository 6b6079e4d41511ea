import type { FastifyRequest } from 'fastify'
import type { ClientAuthenticator } from '../clients/client-authenticator.ts'
import { RequestRefused, refusals } from '../errors.ts'
import type { TokenIssuer } from '../grants/token-issuer.ts'
import type { Client } from '../store/client-repository.ts'
import type { TokenInspector } from '../tokens/token-inspector.ts'
import { readClientCredentials } from './client-authentication.ts'
import { type Form, parseForm } from './form.ts'

/** What the endpoints work with. */
export interface EndpointServices {
  readonly authenticator: ClientAuthenticator
  readonly issuer: TokenIssuer
  readonly inspector: TokenInspector
  /** Asks the database for a sign of life; rejects when there is none. */
  readonly checkStore: () => Promise<unknown>
  readonly accessTokenLifetimeMs: number
}

/** Answers a request with what is to be its JSON body, or throws {@link RequestRefused}. */
export type Endpoint = (request: FastifyRequest, services: EndpointServices) => Promise<object>

/** The scope of a client that may look tokens up: RFC 7662 §4 wants no scanning by everybody. */
const lookUpScope = 'introspect'

/** The body's parameters; the application's parser leaves the bytes of a form and of nothing else. */
export function readForm(request: FastifyRequest): Form {
  if (!Buffer.isBuffer(request.body)) throw new RequestRefused(refusals.notAForm)
  // Latin-1 keeps bytes outside ASCII apart from ASCII, and the form parser refuses them.
  return parseForm(request.body.toString('latin1'))
}

/** The query's parameters, under the same strict rules as a form's. */
export function readQuery(request: FastifyRequest): Form {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  return parseForm(mark === -1 ? '' : url.slice(mark + 1))
}

/** The client that makes the request, by exactly one method. Throws {@link RequestRefused}. */
export async function authenticateClient(
  request: FastifyRequest,
  form: Form,
  services: EndpointServices,
): Promise<Client> {
  // Of two Authorization headers Node's plain `headers` would silently keep the first.
  const authorization = request.raw.headersDistinct.authorization ?? []
  const client = await services.authenticator.authenticate(readClientCredentials(authorization, form))
  if (client === undefined) throw new RequestRefused(refusals.invalidClient)
  request.setDecorator('clientId', client.id)
  return client
}

/** As {@link authenticateClient}, of a client that may also look tokens up. */
export async function authenticateResourceServer(
  request: FastifyRequest,
  form: Form,
  services: EndpointServices,
): Promise<void> {
  const client = await authenticateClient(request, form, services)
  if (!client.scopes.includes(lookUpScope)) throw new RequestRefused(refusals.insufficientScope)
}

/** A parameter that must be there. */
export function requireParameter(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new RequestRefused(refusals.missingParameter)
  return value
}
