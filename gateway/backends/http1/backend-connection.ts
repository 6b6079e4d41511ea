import type { Socket } from 'node:net'
import { BackendFailure } from './backend-failure.ts'
import type { BackendRequestUnderWay } from './backend-request-under-way.ts'
import { RequestBody } from './request-body.ts'
import {
  type ResponseHead,
  type ResponseListener,
  ResponseMalformed,
  ResponseParser,
} from './response-parser.ts'

/** How long each part of an exchange may take, in milliseconds. */
export interface ExchangeTimeouts {
  readonly connectMs: number
  /** From the request's last byte to the answer's first. */
  readonly headMs: number
  /** Between two parts of an answer; and how long the backend may take nothing of a request's body. */
  readonly idleMs: number
}

/** Who has the connection while it carries nothing. */
interface ConnectionOwner {
  readonly timeouts: ExchangeTimeouts
  now(): number
  /** The connection can carry the next request. */
  onIdle(connection: BackendConnection): void
  onClosed(connection: BackendConnection): void
  /** The backend had closed the connection before it saw the request, as far as one can tell. */
  onUnseen(request: BackendRequestUnderWay): void
}

const limits = { maxHeadBytes: 65_536, maxFields: 200 }

/** What may be sent again where nothing tells whether it has arrived (RFC 9110 §9.2.1, RFC 9112 §9.3.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'QUERY'])

const unreachableCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/**
 * A connection to a backend, which carries one request after the other, each once the answer before it is complete. It is
 * closed rather than used again where anything about an answer was in doubt.
 */
export class BackendConnection implements ResponseListener {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #parser = new ResponseParser(limits)
  #request: BackendRequestUnderWay | undefined
  #body: RequestBody | undefined
  #isConnected = false
  #isSent = true
  #hasAnswered = false
  #served = 0
  #isClosed = false
  /** When whatever is waited for is late. */
  #deadlineMs: number
  /** Since when it carries nothing. */
  idleSinceMs = 0

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#deadlineMs = owner.now() + owner.timeouts.connectMs
    socket.on('end', () => this.#onEndOfInput())
    socket.on('error', (error) => this.#onSocketError(error))
    socket.on('close', () => this.#onClose())
  }

  /** The connection stands. */
  onConnected(): void {
    this.#isConnected = true
    this.#expectHead()
  }

  /** Sends a request, also before the connection stands. */
  send(request: BackendRequestUnderWay): void {
    this.#request = request
    this.#hasAnswered = false
    request.carrier = this
    this.#parser.begin(request.method, this)
    this.#socket.write(request.head, 'latin1')
    this.#isSent = !request.hasBody
    if (request.hasBody) this.#sendBody(request)
    this.#expectHead()
  }

  /** Reads what has come from the backend; the bytes may be overwritten once this returns. */
  read(bytes: Buffer): void {
    this.#hasAnswered = true
    try {
      this.#parser.execute(bytes)
    } catch (error) {
      this.#fail(failureOf(error))
      return
    }
    if (this.#request === undefined) this.#release()
  }

  /** Ends what is late. */
  checkDeadline(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    const what = this.#isConnected ? 'the backend took too long' : 'the connection took too long'
    this.#fail(new BackendFailure('timeout', what))
  }

  pause(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
    this.#expectMore()
  }

  abort(): void {
    this.#takeRequest()
    this.close()
  }

  close(): void {
    this.#body?.stop()
    this.#socket.destroy()
    this.#onClose()
  }

  onInterim(): void {
    // Between the backend and the gateway (RFC 9110 §15.2).
  }

  onHead(head: ResponseHead): void {
    this.#expectMore()
    if (this.#request !== undefined) this.#request.handler.onHead(head, this.#request)
  }

  onBody(bytes: Buffer): void {
    if (this.#request === undefined) return
    this.#expectMore()
    this.#request.handler.onBody(bytes, this.#request)
  }

  onEnd(): void {
    this.#takeRequest()?.handler.onEnd()
  }

  #sendBody(request: BackendRequestUnderWay): void {
    const { timeouts, now } = this.#owner
    this.#body = new RequestBody(request.body, this.#socket, {
      framing: request.framing,
      onSent: () => {
        this.#isSent = true
        this.#expectHead()
      },
      onBlocked: (isBlocked) => {
        if (!this.#isConnected || this.#hasAnswered) return
        this.#deadlineMs = isBlocked ? now() + timeouts.idleMs : Number.POSITIVE_INFINITY
      },
    })
  }

  /** A client that is slow to send its request does not make its backend late. */
  #expectHead(): void {
    const { timeouts, now } = this.#owner
    if (!this.#isConnected || this.#request === undefined || this.#hasAnswered) return
    this.#deadlineMs = this.#isSent ? now() + timeouts.headMs : Number.POSITIVE_INFINITY
  }

  /** A backend that is told to pause is not late. */
  #expectMore(): void {
    if (!this.#socket.isPaused()) this.#deadlineMs = this.#owner.now() + this.#owner.timeouts.idleMs
  }

  /** The request leaves the connection; the connection is for none until it is released. */
  #takeRequest(): BackendRequestUnderWay | undefined {
    const request = this.#request
    this.#request = undefined
    if (request !== undefined) request.carrier = undefined
    this.#body?.stop()
    this.#body = undefined
    this.#deadlineMs = Number.POSITIVE_INFINITY
    return request
  }

  /** What was sent only in part, or answered in doubt, leaves nothing on which to send more. */
  #release(): void {
    if (this.#isClosed) return
    if (!this.#parser.canBeReused || !this.#isSent || !this.#socket.writable) {
      this.close()
      return
    }
    this.#served += 1
    this.idleSinceMs = this.#owner.now()
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#owner.onIdle(this)
  }

  #onEndOfInput(): void {
    try {
      if (this.#request !== undefined) this.#parser.finish()
      this.close()
    } catch (error) {
      this.#fail(failureOf(error))
    }
  }

  #onSocketError(error: Error): void {
    const code = 'code' in error ? String(error.code) : ''
    const isUnreachable = !this.#isConnected && unreachableCodes.has(code)
    const kind = code === 'ETIMEDOUT' ? 'timeout' : isUnreachable ? 'unreachable' : 'broken'
    this.#fail(new BackendFailure(kind, error.message, error))
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#fail(new BackendFailure('broken', 'the backend closed the connection'))
    this.#owner.onClosed(this)
  }

  #fail(failure: BackendFailure): void {
    const request = this.#takeRequest()
    this.close()
    if (request === undefined) return
    // A kept connection may have been closed just now. The next one is new, so that nothing is sent a third time.
    const isUnseen = failure.kind === 'broken' && this.#served > 0 && !this.#hasAnswered
    if (isUnseen && !request.hasBody && safeMethods.has(request.method)) this.#owner.onUnseen(request)
    else request.handler.onError(failure)
  }
}

function failureOf(error: unknown): BackendFailure {
  if (error instanceof ResponseMalformed) return new BackendFailure('broken', error.message)
  return new BackendFailure('broken', error instanceof Error ? error.message : String(error), error)
}
