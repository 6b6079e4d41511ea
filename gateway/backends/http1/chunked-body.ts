import { type HeadLimits, readFieldLines } from './field-lines.ts'
import { ResponseMalformed } from './response-malformed.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Most bytes of a chunk's line: sixteen digits, extensions of 256 bytes and the CRLF. */
const maxChunkLineBytes = 16 + 256 + 2

/** Largest chunk: whoever announces more than 256 TiB in one piece wants a number to overflow. */
const maxChunkBytes = 2 ** 48

/**
 * A size and perhaps extensions, which have to be ignored but well-formed (RFC 9112 §7.1.1): names, each with or without
 * a token or a quoted string. The blanks that the RFC would have read between them are refused, as llhttp does.
 */
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const quoted = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
const chunkLine = new RegExp(`^[0-9a-fA-F]{1,16}(?:;${token}(?:=(?:${token}|${quoted}))?)*\\r\\n$`)

/** Takes a chunked body apart (RFC 9112 §7.1), one after the other. Trailers are checked and thrown away. */
export class ChunkedBody {
  readonly #limits: HeadLimits
  #state: 'chunk line' | 'chunk' | 'CR' | 'LF' | 'trailers' | 'complete' = 'complete'
  /** Bytes of the chunk that are still to come. */
  #left = 0
  /** The beginning of a line whose end has not come yet. */
  #line = ''
  /** Where in the bytes at hand the line that was read last ends. */
  #lineEnd = 0
  #trailerBytes = 0
  #trailers = 0

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  begin(): void {
    this.#state = 'chunk line'
    this.#trailerBytes = 0
    this.#trailers = 0
  }

  /** Reads bytes from a place on, to their end or that of the body; tells the place where it has ended. */
  read(bytes: Buffer, start: number, listener: { onBody(bytes: Buffer): void }): number {
    let at = start
    while (at < bytes.length && this.#state !== 'complete') {
      if (this.#state === 'chunk') at = this.#readChunk(bytes, at, listener)
      else if (this.#state === 'CR' || this.#state === 'LF') at = this.#readChunkEnd(bytes, at)
      else at = this.#state === 'chunk line' ? this.#readChunkLine(bytes, at) : this.#readTrailer(bytes, at)
    }
    return at
  }

  #readChunkLine(bytes: Buffer, start: number): number {
    const line = this.#readLine(bytes, start, maxChunkLineBytes)
    if (line === undefined) return bytes.length
    if (line.length > maxChunkLineBytes) throw new ResponseMalformed('a chunk line that is too long')
    if (!chunkLine.test(line)) throw new ResponseMalformed('a chunk size that is none')
    this.#left = Number.parseInt(line, 16)
    if (this.#left > maxChunkBytes) throw new ResponseMalformed('a chunk that is too large')
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    return this.#lineEnd
  }

  #readChunk(bytes: Buffer, start: number, listener: { onBody(bytes: Buffer): void }): number {
    const end = Math.min(start + this.#left, bytes.length)
    this.#left -= end - start
    if (this.#left === 0) this.#state = 'CR'
    listener.onBody(bytes.subarray(start, end))
    return end
  }

  #readChunkEnd(bytes: Buffer, at: number): number {
    const isFirst = this.#state === 'CR'
    if (bytes[at] !== (isFirst ? carriageReturn : lineFeed))
      throw new ResponseMalformed('a chunk that does not end where it should')
    this.#state = isFirst ? 'LF' : 'chunk line'
    return at + 1
  }

  #readTrailer(bytes: Buffer, start: number): number {
    const maxBytes = this.#limits.maxHeadBytes - this.#trailerBytes
    const line = this.#readLine(bytes, start, maxBytes)
    if (line === undefined) return bytes.length
    if (line.length > maxBytes) throw new ResponseMalformed('trailers that are too long')
    this.#trailerBytes += line.length
    if (line === '\r\n') this.#state = 'complete'
    else this.#checkTrailer(line)
    return this.#lineEnd
  }

  #checkTrailer(line: string): void {
    this.#trailers += 1
    if (this.#trailers > this.#limits.maxFields) throw new ResponseMalformed('too many trailers')
    readFieldLines({ bytes: Buffer.from(line, 'latin1'), text: line, offset: 0 }, 0, 1)
  }

  /**
   * A line with its line feed; undefined, with what has come of it kept, when more bytes are needed. A line that is too
   * long is told at once, as far as it has come.
   */
  #readLine(bytes: Buffer, start: number, maxBytes: number): string | undefined {
    const found = bytes.indexOf(lineFeed, start)
    const lengthHere = (found === -1 ? bytes.length : found + 1) - start
    const isTooLong = this.#line.length + lengthHere > maxBytes
    const end = isTooLong ? start + maxBytes + 1 - this.#line.length : start + lengthHere
    const line = this.#line + bytes.toString('latin1', start, end)
    this.#lineEnd = end
    this.#line = found === -1 && !isTooLong ? line : ''
    return found === -1 && !isTooLong ? undefined : line
  }
}
