/**
 * One way in which a request is refused, as the client sees it: RFC 6749 §5.2 JSON, with a text of our own that never
 * repeats anything of the request or of an inner error.
 */
export interface Refusal {
  readonly status: number
  readonly error: string
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Every refusal that a client can see. */
export const refusals = {
  notAForm: {
    status: 400,
    error: 'invalid_request',
    description: 'The body must be of the type application/x-www-form-urlencoded.',
  },
  malformedForm: {
    status: 400,
    error: 'invalid_request',
    description: 'The parameters must be form-url-encoded UTF-8 without control characters.',
  },
  repeatedParameter: {
    status: 400,
    error: 'invalid_request',
    description: 'A parameter is given more than once.',
  },
  missingParameter: {
    status: 400,
    error: 'invalid_request',
    description: 'A required parameter is missing or malformed.',
  },
  severalAuthentications: {
    status: 400,
    error: 'invalid_request',
    description:
      'The client must authenticate in exactly one way: HTTP Basic, a secret in the form, or an assertion.',
  },
  malformedRequest: {
    status: 400,
    error: 'invalid_request',
    description: 'The request is not well-formed HTTP.',
  },
  requestTimeout: {
    status: 408,
    error: 'invalid_request',
    description: 'The request took too long to arrive.',
  },
  bodyTooLarge: {
    status: 413,
    error: 'invalid_request',
    description: 'The body is larger than 8 KiB.',
  },
  headersTooLarge: {
    status: 431,
    error: 'invalid_request',
    description: 'The request line and headers are larger than 16 KiB.',
  },
  methodNotAllowed: {
    status: 405,
    error: 'invalid_request',
    description: 'This endpoint does not take the method; see the Allow header.',
  },
  notFound: {
    status: 404,
    error: 'not_found',
    description: 'There is no such endpoint.',
  },
  invalidClient: {
    status: 401,
    error: 'invalid_client',
    description: 'Client authentication failed.',
  },
  tooManyFailures: {
    status: 429,
    error: 'temporarily_unavailable',
    description: 'Too many authentications have failed; see the Retry-After header.',
  },
  tooManyRequests: {
    status: 429,
    error: 'temporarily_unavailable',
    description: 'The client asks for too many tokens by GET; see the Retry-After header.',
  },
  legacyGetMixed: {
    status: 400,
    error: 'invalid_request',
    description:
      'A token request by GET has client_id, client_secret, grant_type and scope, and no other parameter, no body and no Authorization header.',
  },
  legacyGetBrowser: {
    status: 400,
    error: 'invalid_request',
    description: 'A token request by GET cannot come from a web page or be made ahead.',
  },
  legacyGetPlainText: {
    status: 400,
    error: 'invalid_request',
    description: 'A token request by GET must come over TLS.',
  },
  unauthorizedClient: {
    status: 400,
    error: 'unauthorized_client',
    description: 'The client may not use this grant type.',
  },
  unsupportedGrantType: {
    status: 400,
    error: 'unsupported_grant_type',
    description: 'The grant types are authorization_code, client_credentials and refresh_token.',
  },
  invalidGrant: {
    status: 400,
    error: 'invalid_grant',
    description:
      'The authorization code or refresh token is unknown, expired, already used, or not for this client, redirect URI and code verifier.',
  },
  invalidScope: {
    status: 400,
    error: 'invalid_scope',
    description: 'The scope is malformed, or more than was granted to the client.',
  },
  invalidTarget: {
    status: 400,
    error: 'invalid_target',
    description: 'A resource is malformed, unknown, or more than was granted to the client.',
  },
  insufficientScope: {
    status: 403,
    error: 'insufficient_scope',
    description: 'Looking up tokens needs a client that has the scope introspect.',
  },
  invalidToken: {
    status: 401,
    error: 'invalid_token',
    description: 'The access token is unknown, expired or revoked.',
    headers: { 'www-authenticate': 'Bearer realm="passerelle", error="invalid_token"' },
  },
  unknownClient: {
    status: 400,
    error: 'invalid_request',
    description: 'The parameter client_id is missing, repeated, or names no client of this server.',
  },
  unknownRedirectUri: {
    status: 400,
    error: 'invalid_request',
    description:
      'The parameter redirect_uri is missing, repeated, or not, sign by sign, one that the client has registered.',
  },
  staleForm: {
    status: 403,
    error: 'access_denied',
    description: 'The form is too old, or does not come from this browser’s page of this server.',
  },
  tooManySignIns: {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'Too many people sign in at the moment.',
    headers: { 'retry-after': '5' },
  },
  serverError: {
    status: 500,
    error: 'server_error',
    description: 'The server failed; the cause is in its log.',
  },
  unavailable: {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'The server cannot reach its database at the moment.',
    headers: { 'retry-after': '1' },
  },
} as const satisfies Readonly<Record<string, Refusal>>

/** {@link refusals.invalidClient} with the challenge of the one scheme that this server takes (RFC 6749 §5.2). */
export const challengedClient: Refusal = {
  ...refusals.invalidClient,
  headers: { 'www-authenticate': 'Basic realm="passerelle", charset="UTF-8"' },
}

/** Thrown where a request cannot be granted; the application's error handler answers with the refusal. */
export class RequestRefused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.description)
    this.name = 'RequestRefused'
    this.refusal = refusal
  }
}

/** The refusal's JSON body. */
export function refusalBody(refusal: Refusal): {
  readonly error: string
  readonly error_description: string
} {
  return { error: refusal.error, error_description: refusal.description }
}
