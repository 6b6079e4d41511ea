import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequestRefused, refusals } from '../errors.ts'
import type { Client } from '../store/client.ts'
import {
  authenticateClient,
  type Endpoint,
  type EndpointServices,
  readQuery,
  requireParameter,
} from './exchange.ts'
import type { Form } from './form.ts'
import { issueTokens } from './issue.ts'

/** Token requests by GET that one client has. */
export const legacyGetTokenLimit = { max: 60, windowMs: 60_000, maxKeys: 10_000 }

/** A token that was asked for in the open lives no longer than the original platform's. */
const longestLifetimeMs = 3_600_000

const parameters = new Set(['client_id', 'client_secret', 'grant_type', 'scope'])

/** The platform's own name for it, and the standard's. */
const grantNames = new Set(['credentials', 'client_credentials'])

/**
 * `GET /oauth/token?client_id=…&client_secret=…&grant_type=credentials`: the request of the original platform's partners,
 * against RFC 6749 §2.3.1 and §3.2, and so only where the server and the client's registration both allow it, over TLS,
 * and never from a web page. The answer has the members that they know, and never a refresh token.
 */
export const legacyGetToken: Endpoint = async (request, services) => {
  refuseBrowsersAndPlainText(request, services)
  const query = readPlainQuery(request)
  const client = await authenticateClient(request, query, services)
  // Told only to who has proved to be the client.
  if (!client.allowsGetToken) throw new RequestRefused(postOnly)
  const grantType = requireParameter(query, 'grant_type')
  if (!grantNames.has(grantType)) throw new RequestRefused(refusals.unsupportedGrantType)
  refuseTooMany(client, services)
  const grant = {
    client: withShortTokens(client, services),
    grantType: 'client_credentials',
    scope: query.get('scope'),
  } as const
  const issued = await issueTokens(request, { form: query, grant }, services)
  services.metrics.tokenIssuedByGet(client.id)
  return {
    access_token: issued.accessToken,
    expires_in: Math.floor(issued.accessTokenLifetimeMs / 1_000),
    token_type: 'bearer',
    scope: issued.scope.join(' '),
    roles: client.granted.roles,
    rate_limit: client.granted.quota.limit,
  }
}

/** Tells the client that its way of asking ends, and browsers that the URL is for nobody else. */
export function announceSunset(reply: FastifyReply, sunsetMs: number): void {
  reply.headers({
    'referrer-policy': 'no-referrer',
    // RFC 9745: since RFC 6749 was published, on 13 October 2012.
    deprecation: '@1350086400',
    sunset: new Date(sunsetMs).toUTCString(),
    link: '<https://www.rfc-editor.org/rfc/rfc6749#section-3.2>; rel="deprecation"; type="text/html"',
  })
}

const postOnly = { ...refusals.methodNotAllowed, headers: { allow: 'POST' } }

function refuseBrowsersAndPlainText({ raw, headers }: FastifyRequest, services: EndpointServices): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  if (hasBody || raw.headersDistinct.authorization !== undefined)
    throw new RequestRefused(refusals.legacyGetMixed)
  const site = headers['sec-fetch-site'] ?? 'none'
  const purpose = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''} ${headers['x-moz'] ?? ''}`
  if (headers.origin !== undefined || site !== 'none' || purpose.includes('prefetch'))
    throw new RequestRefused(refusals.legacyGetBrowser)
  if (services.addresses.schemeOf(raw) !== 'https') throw new RequestRefused(refusals.legacyGetPlainText)
}

/** Of these four parameters nothing else can be meant: no code, no refresh token, no user's password. */
function readPlainQuery(request: FastifyRequest): Form {
  const query = readQuery(request)
  for (const name of query.keys())
    if (!parameters.has(name)) throw new RequestRefused(refusals.legacyGetMixed)
  return query
}

function refuseTooMany({ id }: Client, { legacyGetToken }: EndpointServices): void {
  const waitS = legacyGetToken?.limit.add(id)
  if (waitS === undefined) return
  throw new RequestRefused({ ...refusals.tooManyRequests, headers: { 'retry-after': String(waitS) } })
}

function withShortTokens(client: Client, { legacyGetToken }: EndpointServices): Client {
  const ownMs = client.accessTokenLifetimeMs ?? legacyGetToken?.accessTokenLifetimeMs
  return {
    ...client,
    accessTokenLifetimeMs: Math.min(ownMs ?? longestLifetimeMs, longestLifetimeMs),
    grantTypes: client.grantTypes.filter((grant) => grant !== 'refresh_token'),
  }
}
