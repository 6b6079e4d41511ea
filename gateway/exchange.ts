import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Scheme } from '../common/client-address.ts'

/** Something under way for the client that is pointless once the client is gone. */
export interface Abortable {
  abort(): void
}

/** The one error handler: turns a failure into the client's answer. */
export type ErrorHandler = (exchange: Exchange, error: unknown) => void

/**
 * One request and its response, with what the log will say of them. The request path reads the first half; the second
 * half is written along the way and read by `observe/` and `app.ts` alone, when all is over or has failed, so that no step
 * can lean on what another left there.
 */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Where the request comes from, proxies that are trusted left out. */
  readonly clientAddress: string
  /** By which scheme the client asked, as far as is known. */
  readonly scheme: Scheme
  readonly startedAtMs: number
  readonly #onError: ErrorHandler

  /** For the log: the path without its query, once it is known to be well-formed. */
  path = ''
  /** For the log and the metrics: the prefix of the matched route. */
  routePrefix = ''
  /** For the log: the client that the token belongs to. */
  client = ''
  /** For the log and the metrics: the code of the error that was answered. */
  errorCode = ''
  /** For the log and the metrics: the policies in shadow that would have refused the request, were they enforced. */
  shadowRefusals: readonly string[] = []
  /** What to abort when the client goes away. */
  backendCall: Abortable | undefined

  constructor(origin: ExchangeOrigin) {
    this.request = origin.request
    this.response = origin.response
    this.requestId = origin.requestId
    this.clientAddress = origin.clientAddress
    this.scheme = origin.scheme
    this.startedAtMs = performance.now()
    this.#onError = origin.onError
  }

  /** The status that the client got; 499, as nginx calls it, when it left before there was one. */
  get status(): number {
    return this.response.headersSent ? this.response.statusCode : clientLeft
  }

  /** Answers with an error; a response that has begun is cut instead, so that it never looks complete. */
  fail(error: unknown): void {
    this.#onError(this, error)
  }
}

const clientLeft = 499

interface ExchangeOrigin {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly onError: ErrorHandler
}
