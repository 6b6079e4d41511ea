/** Where in the request a fault lies. Only query parameters and headers can be wrong: the samples take no content. */
type ErrorSource = { readonly parameter: string } | { readonly header: string }

/** An error object of JSON:API 1.1 (section 11), without what is the same in all of them. */
interface ErrorDescription {
  readonly status: number
  /** Stable: what a client's code may branch on. */
  readonly code: string
  readonly title: string
  /** What the client can do about it. It never repeats what the client sent. */
  readonly detail: string
  readonly source?: ErrorSource
}

/** The document that tells an error. */
export interface ErrorDocument {
  readonly jsonapi: { readonly version: '1.1' }
  readonly errors: readonly (Omit<ErrorDescription, 'status'> & { readonly status: string })[]
}

/** A failure that the client is told about. Every one that can happen is made by a function of this file. */
export class JsonApiError extends Error {
  readonly status: number
  readonly document: ErrorDocument

  constructor({ status, ...description }: ErrorDescription) {
    super(description.detail)
    this.name = 'JsonApiError'
    this.status = status
    this.document = { jsonapi: { version: '1.1' }, errors: [{ status: String(status), ...description }] }
  }
}

export function invalidParameter(parameter: string, detail: string): JsonApiError {
  return new JsonApiError({
    status: 400,
    code: 'invalid-parameter',
    title: 'A query parameter cannot be used',
    detail,
    source: { parameter },
  })
}

export function malformedRequest(): JsonApiError {
  return new JsonApiError({
    status: 400,
    code: 'malformed-request',
    title: 'The request cannot be read',
    detail: 'The path must be percent-encoded UTF-8, in segments of at most 100 characters.',
  })
}

export function missingRole(rolesHeader: string): JsonApiError {
  return new JsonApiError({
    status: 403,
    code: 'missing-role',
    title: 'The caller has no role here',
    detail: 'This API is open to the roles USER and EDITOR.',
    source: { header: rolesHeader },
  })
}

export function unknownResource(): JsonApiError {
  return new JsonApiError({
    status: 404,
    code: 'unknown-resource',
    title: 'There is no such resource',
    detail: 'Nothing at this address can be seen by this caller.',
  })
}

export function methodNotAllowed(): JsonApiError {
  return new JsonApiError({
    status: 405,
    code: 'method-not-allowed',
    title: 'The method is not allowed',
    detail: 'This API can only be read: use GET or HEAD.',
  })
}

export function notAcceptable(): JsonApiError {
  return new JsonApiError({
    status: 406,
    code: 'not-acceptable',
    title: 'No acceptable media type',
    detail: 'Answers are application/vnd.api+json, without parameters other than profile.',
    source: { header: 'Accept' },
  })
}

export function unsupportedMediaType(): JsonApiError {
  return new JsonApiError({
    status: 415,
    code: 'unsupported-media-type',
    title: 'The media type is not supported',
    detail: 'Content must be application/vnd.api+json, without parameters other than profile.',
    source: { header: 'Content-Type' },
  })
}

export function internalError(): JsonApiError {
  return new JsonApiError({
    status: 500,
    code: 'internal-error',
    title: 'The server failed',
    detail: 'The fault is not in the request. Quote the X-Request-Id when you report it.',
  })
}
