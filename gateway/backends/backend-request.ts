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
  /** Fields that the gateway adds to the answer, or to the error if there is none; names and values in turn. */
  readonly responseFields: readonly string[]
  /** Lower-case names of fields that are the gateway's to write: the backend's own are left out. */
  readonly replacedFields: ReadonlySet<string>
}
