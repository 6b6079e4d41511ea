import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { BodyFraming } from './request-head.ts'

/** How the body of a client's request is framed; Node has refused what is framed in two ways. */
export function framingOf({ headers }: IncomingMessage): BodyFraming {
  if (headers['transfer-encoding'] !== undefined) return 'chunked'
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length)
}

interface BodyMeans {
  readonly framing: BodyFraming
  /** All of it is handed to the connection. */
  readonly onSent: () => void
  /** The backend takes nothing for the moment, or something again. */
  readonly onBlocked: (isBlocked: boolean) => void
}

/** Passes the body of a client's request on to a backend, as fast as the backend takes it. */
export class RequestBody {
  readonly #request: Readable
  readonly #socket: Duplex
  readonly #isChunked: boolean
  readonly #means: BodyMeans
  #isOver = false

  constructor(request: Readable, socket: Duplex, means: BodyMeans) {
    this.#request = request
    this.#socket = socket
    this.#means = means
    this.#isChunked = means.framing === 'chunked'
    request.on('data', this.#onData)
    request.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
  }

  /** Passes nothing more on; what is still to come is for others to read. */
  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#request.off('data', this.#onData)
    this.#request.off('end', this.#onEnd)
    this.#socket.off('drain', this.#onDrain)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#write(chunk)) return
    this.#request.pause()
    this.#means.onBlocked(true)
  }

  readonly #onDrain = (): void => {
    this.#means.onBlocked(false)
    this.#request.resume()
  }

  readonly #onEnd = (): void => {
    this.stop()
    if (this.#isChunked) this.#socket.write('0\r\n\r\n', 'latin1')
    this.#means.onSent()
  }

  #write(chunk: Buffer): boolean {
    if (!this.#isChunked) return this.#socket.write(chunk)
    this.#socket.cork()
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    this.#socket.write(chunk)
    const hasRoom = this.#socket.write('\r\n', 'latin1')
    this.#socket.uncork()
    return hasRoom
  }
}
