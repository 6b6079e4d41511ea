/** What is the same each time an error is answered. */
interface ErrorDefinition {
  readonly status: number
  /** One line that is the same each time (RFC 9457 §3.1.3). */
  readonly title: string
  /** What the reader can do about it. */
  readonly cure: string
}

/**
 * Every error that a client of the gateway can see, by its stable code. `docs/errors.md` lists the same, and a test holds
 * the two equal.
 */
export const errorDefinitions = {
  'request-malformed': {
    status: 400,
    title: 'The request is not well-formed HTTP',
    cure: 'Send one Host, one Authorization and one Content-Type header at most, and frame the body by Content-Length or by chunked Transfer-Encoding.',
  },
  'path-ambiguous': {
    status: 400,
    title: 'The path can be read in more than one way',
    cure: 'Send the path in its plain form: no dot segments, empty segments, backslashes or semicolons; letters, digits and - . _ ~ as they are; and none of the characters / \\ % ; or controls in percent-encoding.',
  },
  'token-malformed': {
    status: 400,
    title: 'The access token is not well-formed',
    cure: 'Send the token exactly as the token endpoint gave it, as "Authorization: Bearer <token>".',
  },
  'token-repeated': {
    status: 400,
    title: 'The request carries more than one access token',
    cure: 'Send the token once: either in the Authorization header or, where the API allows it, as ?access_token=.',
  },
  'query-token-refused': {
    status: 400,
    title: 'This API does not take the access token in the URL',
    cure: 'Send the token as "Authorization: Bearer <token>".',
  },
  'token-missing': {
    status: 401,
    title: 'This API needs an access token',
    cure: 'Get a token from the token endpoint and send it as "Authorization: Bearer <token>".',
  },
  'token-invalid': {
    status: 401,
    title: 'The access token is unknown, expired or revoked',
    cure: 'Get a new token from the token endpoint.',
  },
  'role-missing': {
    status: 403,
    title: 'The client has none of the roles that this API needs',
    cure: 'Ask the administrator of the API for one of the roles that this answer names.',
  },
  'scope-missing': {
    status: 403,
    title: 'The access token lacks a scope that this API needs',
    cure: 'Get a token with the scopes that this answer names.',
  },
  'route-unknown': {
    status: 404,
    title: 'No API is served at this path',
    cure: 'Compare the path with the documentation of the API; upper and lower case differ.',
  },
  'method-refused': {
    status: 405,
    title: 'This method cannot be used here',
    cure: 'Use one of the methods that Allow names.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    cure: 'Send the whole request without long pauses.',
  },
  'quota-exceeded': {
    status: 429,
    title: 'The quota is used up',
    cure: 'Wait for the seconds that Retry-After names, or ask for a larger quota.',
  },
  'token-look-ups-exceeded': {
    status: 429,
    title: 'Too many unknown access tokens came from this address',
    cure: 'Wait for the seconds that Retry-After names, and send only tokens that the token endpoint has given.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The request has too many or too large header fields',
    cure: 'Send at most 100 header fields and 16 KiB of them.',
  },
  'internal-error': {
    status: 500,
    title: 'The gateway failed on this request',
    cure: 'Report the request id to the administrator of the API.',
  },
  'backend-unreachable': {
    status: 502,
    title: 'The API behind the gateway cannot be reached',
    cure: 'Try again later; report the request id if it lasts.',
  },
  'backend-broken': {
    status: 502,
    title: 'The API behind the gateway gave no proper answer',
    cure: 'Try again later; report the request id if it lasts.',
  },
  'identity-unavailable': {
    status: 503,
    title: 'The access token cannot be checked at the moment',
    cure: 'Try again after the seconds that Retry-After names, with the same token.',
  },
  'quota-unavailable': {
    status: 503,
    title: 'Requests cannot be counted at the moment',
    cure: 'Try again after the seconds that Retry-After names.',
  },
  'quota-store-full': {
    status: 503,
    title: 'The request cannot be counted at the moment',
    cure: 'Try again after the seconds that Retry-After names.',
  },
  'backend-timeout': {
    status: 504,
    title: 'The API behind the gateway did not answer in time',
    cure: 'Try again later; report the request id if it lasts.',
  },
} as const satisfies Readonly<Record<string, ErrorDefinition>>

export type ErrorCode = keyof typeof errorDefinitions

/** Problem types that are registered (draft-ietf-httpapi-ratelimit-headers); the others are our own. */
const registeredTypes: Partial<Record<ErrorCode, string>> = {
  'quota-exceeded': 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  'quota-unavailable': 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
}

interface ErrorContext {
  /** Header fields of the answer, name and value in turn. */
  readonly headers?: readonly string[]
  /** Further members of the problem document: what this API asks for, never what the client sent. */
  readonly members?: Readonly<Record<string, unknown>>
  /** What happened inside: it reaches the log, never the client. */
  readonly cause?: unknown
}

/** A failure that the client is told of. Nothing that the client sent, and no token, is ever part of one. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly headers: readonly string[]
  readonly #members: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, context: ErrorContext = {}) {
    const { stackTraceLimit } = Error
    // Where a refusal was made says nothing that its code does not, and noting it costs more than the refusal.
    Error.stackTraceLimit = 0
    super(code, { cause: context.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'GatewayError'
    this.code = code
    this.status = errorDefinitions[code].status
    this.headers = context.headers ?? []
    this.#members = context.members ?? {}
  }

  /** The problem document (RFC 9457) that tells this error; what never became a request has no id. */
  toProblem(requestId?: string): Readonly<Record<string, unknown>> {
    const { status, title, cure } = errorDefinitions[this.code]
    return {
      type: problemType(this.code),
      title,
      status,
      code: this.code,
      cure,
      ...this.#members,
      request_id: requestId,
    }
  }
}

/** The problem `type` of an error: a URI that stays the same for good. */
export function problemType(code: ErrorCode): string {
  return registeredTypes[code] ?? `urn:passerelle:error:${code}`
}
