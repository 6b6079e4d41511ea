import type { BackendLimit } from './backend-limit.ts'
import type { EndpointWatch } from './endpoint-watch.ts'

/** The header fields that a backend gets: the client's own, cleaned, and the identity that the gateway wrote. */
export interface BackendHeaders {
  /** Names and values in turn. */
  readonly fields: string[]
  readonly isBackendHeaders: true
}

/** What is sent to a backend, and what the gateway adds to the answer. */
export interface BackendRequest {
  readonly path: string
  readonly headers: BackendHeaders
  /** What the client is told of its quota; `undefined` when nothing was counted: then the backend's own word stands. */
  readonly quota: QuotaReport | undefined
  /** Further fields of the answer, or of the error if there is none; names and values in turn. */
  readonly responseFields: readonly string[]
  /** Who looks on while the request passes; `undefined` for all but a few endpoints. */
  readonly watch: EndpointWatch | undefined
}

/** What the gateway tells of the client's quota, on an answer or an error; and in the same words, of a backend's limit. */
interface QuotaReport {
  /** Names and values in turn. */
  readonly fields: readonly string[]
  /** Fewest requests that are left. */
  readonly remaining: number
  fieldsFor(limit: BackendLimit): readonly string[]
}
