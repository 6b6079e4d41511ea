/** What became of a request that a backend did not answer, or not to the end. */
export type BackendFailureKind = 'timeout' | 'unreachable' | 'broken'

/** A request that a backend did not answer, or not to the end. */
export class BackendFailure extends Error {
  readonly kind: BackendFailureKind

  constructor(kind: BackendFailureKind, reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'BackendFailure'
    this.kind = kind
  }
}
