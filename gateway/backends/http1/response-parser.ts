import { ChunkedBody } from './chunked-body.ts'
import type { HeadLimits } from './field-lines.ts'
import { IncompleteHead } from './incomplete-head.ts'
import { type FramedHead, type ResponseHead, readHead } from './response-head.ts'
import { ResponseMalformed } from './response-malformed.ts'

export type { ResponseHead } from './response-head.ts'
export { ResponseMalformed } from './response-malformed.ts'

/** Hears of a response as it is read. `bytes` are a view of what was given to execute(): valid during the call only. */
export interface ResponseListener {
  /** An interim response, 1xx; its fields are checked and thrown away. */
  onInterim(status: number): void
  onHead(head: ResponseHead): void
  onBody(bytes: Buffer): void
  /** The response is complete; trailers were checked and thrown away. The next one may be begun in here. */
  onEnd(): void
}

/** Most interim responses before the final one: each of them could be followed by another, for ever. */
const maxInterims = 16

type State =
  | 'idle'
  | 'head'
  | 'body of known length'
  | 'chunked body'
  | 'body until close'
  /** Nothing more can come: the connection has ended or is not to be trusted any more. */
  | 'spent'

/**
 * Reads the responses that come over one connection, one after the other (RFC 9112). It knows nothing of sockets, and
 * keeps no byte beyond a call but those of a head or of a line that is not complete yet.
 *
 * Whatever of the answer could be read in two ways is refused, because the gateway's clients and caches would take the
 * consequences. How the bytes are cut into buffers makes no difference.
 */
export class ResponseParser {
  readonly #limits: HeadLimits
  readonly #incompleteHead: IncompleteHead
  readonly #chunkedBody: ChunkedBody
  #state: State = 'idle'
  #method = ''
  #listener: ResponseListener = nobody
  /** Bytes of a body of known length that are still to come. */
  #left = 0
  #interims = 0
  /** Whether the connection stays open, by all heads that have come over it. */
  #isKept = true

  constructor(limits: HeadLimits) {
    this.#limits = limits
    this.#incompleteHead = new IncompleteHead(limits)
    this.#chunkedBody = new ChunkedBody(limits)
  }

  /** No response is awaited: any byte that arrives now is malformed. */
  get isIdle(): boolean {
    return this.#state === 'idle' || this.#state === 'spent'
  }

  /**
   * Whether no response is awaited and the connection may carry another one: it stays open by RFC 9112 §9.3, and nothing
   * has come behind the last response. So it is for a connection that carried none yet.
   */
  get canBeReused(): boolean {
    return this.#state === 'idle' && this.#isKept
  }

  /** Begins to wait for the response to a request with this method. Throws where the connection cannot be reused. */
  begin(method: string, listener: ResponseListener): void {
    if (!this.canBeReused) throw new Error('this connection carries no further response')
    this.#state = 'head'
    this.#method = method
    this.#listener = listener
    this.#interims = 0
  }

  /** Reads bytes. Throws ResponseMalformed, and whatever the listener throws; then nothing more can be read. */
  execute(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at = this.#read(bytes, at)
    } catch (error) {
      this.#giveUp()
      throw error
    }
  }

  /** The backend has closed the connection: ends a close-delimited body, throws ResponseMalformed where something is missing. */
  finish(): void {
    const state = this.#state
    const listener = this.#listener
    this.#giveUp()
    if (state === 'body until close') listener.onEnd()
    else if (state !== 'idle' && state !== 'spent')
      throw new ResponseMalformed('the connection ended before the response')
  }

  #giveUp(): void {
    this.#state = 'spent'
    this.#listener = nobody
    this.#incompleteHead.clear()
  }

  /** Reads bytes from a place on; tells the place up to which it has. */
  #read(bytes: Buffer, start: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, start)
      case 'body of known length':
        return this.#readBody(bytes, start)
      case 'chunked body':
        return this.#readChunks(bytes, start)
      case 'body until close':
        this.#listener.onBody(start === 0 ? bytes : bytes.subarray(start))
        return bytes.length
      case 'idle':
      case 'spent':
        throw new ResponseMalformed('bytes that nobody asked for')
    }
  }

  #readHead(bytes: Buffer, start: number): number {
    const { maxHeadBytes, maxFields } = this.#limits
    const found = this.#incompleteHead.isEmpty ? bytes.indexOf(endOfHead, start, 'latin1') : -1
    if (found !== -1 && found + endOfHead.length - start <= maxHeadBytes) {
      const text = bytes.toString('latin1', start, found + 2)
      return this.#take(readHead({ bytes, text, offset: start }, this.#method, maxFields), bytes, found + 4)
    }
    const end = this.#incompleteHead.add(bytes, start)
    if (!this.#incompleteHead.isComplete) return end
    const head = readHead(this.#incompleteHead.lines, this.#method, maxFields)
    this.#incompleteHead.clear()
    return this.#take(head, bytes, end)
  }

  #take(head: FramedHead, bytes: Buffer, end: number): number {
    this.#isKept &&= head.keepsConnection
    if (head.status < 200) return this.#takeInterim(head.status, end)
    if (this.#method === 'CONNECT' && head.status < 300) throw new ResponseMalformed('a tunnel')
    this.#left = head.bodyLength ?? 0
    if (head.bodyLength !== undefined) this.#state = 'body of known length'
    else this.#state = head.isChunked ? 'chunked body' : 'body until close'
    if (head.isChunked) this.#chunkedBody.begin()
    this.#listener.onHead(head)
    return head.bodyLength === 0 ? this.#complete(bytes, end) : end
  }

  #takeInterim(status: number, end: number): number {
    if (status === 101) throw new ResponseMalformed('an upgrade that nobody asked for')
    this.#interims += 1
    if (this.#interims > maxInterims) throw new ResponseMalformed('too many interim responses')
    this.#listener.onInterim(status)
    return end
  }

  #readBody(bytes: Buffer, start: number): number {
    const end = Math.min(start + this.#left, bytes.length)
    this.#left -= end - start
    this.#listener.onBody(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
    return this.#left === 0 ? this.#complete(bytes, end) : end
  }

  #readChunks(bytes: Buffer, start: number): number {
    const end = this.#chunkedBody.read(bytes, start, this.#listener)
    return this.#chunkedBody.isComplete ? this.#complete(bytes, end) : end
  }

  /** The listener may begin the next response at once, so nothing of this one is touched after it has heard. */
  #complete(bytes: Buffer, end: number): number {
    const listener = this.#listener
    this.#state = 'idle'
    this.#listener = nobody
    if (end < bytes.length) this.#isKept = false
    listener.onEnd()
    return end
  }
}

const endOfHead = '\r\n\r\n'

/** Keeps no exchange in memory while the connection waits. */
const nobody: ResponseListener = { onInterim() {}, onHead() {}, onBody() {}, onEnd() {} }
