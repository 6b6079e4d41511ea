import type { FastifyRequest } from 'fastify'
import type { AttemptLimit } from '../../common/attempt-limit.ts'
import type { ClientAddresses } from '../../common/client-address.ts'
import {
  type ClientAuthenticator,
  type ClientCredentials,
  plainClientId,
} from '../clients/client-authenticator.ts'
import type { LegacyGetToken } from '../config/settings.ts'
import { RequestRefused, refusals } from '../errors.ts'
import type { FailedAuthentications } from '../failed-authentications.ts'
import type { TokenIssuer } from '../grants/token-issuer.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Client } from '../store/client.ts'
import type { TokenInspector } from '../tokens/token-inspector.ts'
import type { TokenRevoker } from '../tokens/token-revoker.ts'
import type { AuthorizationServices } from './authorization-services.ts'
import { readClientCredentials, refusalOfClient } from './client-authentication.ts'
import { type Form, parseForm } from './form.ts'

/** What the endpoints work with. */
export interface EndpointServices {
  readonly authenticator: ClientAuthenticator
  readonly failures: FailedAuthentications
  readonly addresses: ClientAddresses
  readonly tokenIssuer: TokenIssuer
  readonly inspector: TokenInspector
  readonly authorization: AuthorizationServices
  readonly revoker: TokenRevoker
  readonly metrics: Metrics
  /** `undefined` where tokens are not given out by GET. */
  readonly legacyGetToken: LegacyGetTokenServices | undefined
  /** The URL by which clients know this server. */
  readonly issuer: () => string
  /** Asks the database for a sign of life; rejects when there is none. */
  readonly checkStore: () => Promise<unknown>
  readonly signingKeys: SigningKeys
}

/** What token requests by GET take. */
export interface LegacyGetTokenServices extends LegacyGetToken {
  /** How often one client may ask. */
  readonly limit: AttemptLimit
  /** The server's own, for clients that have none. */
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
  return parseForm(queryOf(request))
}

/** The query as it was sent. */
export function queryOf(request: FastifyRequest): string {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  return mark === -1 ? '' : url.slice(mark + 1)
}

/**
 * The client that makes the request, by exactly one method. Throws {@link RequestRefused}, also where too many
 * authentications have failed before.
 */
export async function authenticateClient(
  request: FastifyRequest,
  form: Form,
  services: EndpointServices,
): Promise<Client> {
  const credentials = readCredentials(request, form)
  const id = plainClientId(credentials?.id ?? '')
  const claimant = { subject: id && `client:${id}`, address: services.addresses.of(request.raw) }
  const client = await services.failures.guard(
    claimant,
    async () => credentials && services.authenticator.authenticate(credentials),
  )
  if (client === undefined) throw new RequestRefused(refusalOfClient(authorizationOf(request), form))
  request.setDecorator('clientId', client.id)
  return client
}

/** What the client says of itself, by exactly one method. Throws {@link RequestRefused}. */
export function readCredentials(request: FastifyRequest, form: Form): ClientCredentials | undefined {
  return readClientCredentials(authorizationOf(request), form)
}

/** As {@link authenticateClient}, of a client that may also look tokens up. */
export async function authenticateResourceServer(
  request: FastifyRequest,
  form: Form,
  services: EndpointServices,
): Promise<Client> {
  const client = await authenticateClient(request, form, services)
  // A public client has only said who it is, which anybody can.
  if (client.authMethod === 'none') throw new RequestRefused(refusalOfClient(authorizationOf(request), form))
  if (!client.scopes.includes(lookUpScope)) throw new RequestRefused(refusals.insufficientScope)
  return client
}

/** Of two Authorization headers Node's plain `headers` would silently keep the first. */
function authorizationOf(request: FastifyRequest): readonly string[] {
  return request.raw.headersDistinct.authorization ?? []
}

/** A parameter that must be there. */
export function requireParameter(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new RequestRefused(refusals.missingParameter)
  return value
}
