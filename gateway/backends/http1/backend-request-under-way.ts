import type { Readable } from 'node:stream'
import type { AnswerControl, AnswerHandler } from './answer-handler.ts'
import type { BodyFraming } from './request-head.ts'

/** What carries a request to a backend. */
interface Carrier {
  pause(): void
  resume(): void
  abort(): void
}

interface RequestParts {
  readonly method: string
  /** The rendered head. */
  readonly head: string
  readonly framing: BodyFraming
  /** Where the body is read from. */
  readonly body: Readable
  readonly handler: AnswerHandler
}

/**
 * One request to a backend, and the hold on its answer. It knows its connection only while it has one: a connection serves
 * one request after the other, and whoever lets go late must not take hold of another's.
 */
export class BackendRequestUnderWay implements AnswerControl {
  readonly method: string
  readonly head: string
  readonly framing: BodyFraming
  readonly body: Readable
  readonly handler: AnswerHandler
  /** When it stops to wait for a connection. */
  waitsUntilMs = Number.POSITIVE_INFINITY
  carrier: Carrier | undefined
  #isAborted = false

  constructor(parts: RequestParts) {
    this.method = parts.method
    this.head = parts.head
    this.framing = parts.framing
    this.body = parts.body
    this.handler = parts.handler
  }

  /** Whether nobody waits for its answer any more. */
  get isAborted(): boolean {
    return this.#isAborted
  }

  get hasBody(): boolean {
    return this.framing !== undefined && this.framing !== 0
  }

  pause(): void {
    this.carrier?.pause()
  }

  resume(): void {
    this.carrier?.resume()
  }

  abort(): void {
    this.#isAborted = true
    this.carrier?.abort()
  }
}
