import { endOfText, type Lines, readFieldLines } from './field-lines.ts'
import { ResponseMalformed } from './response-malformed.ts'

/** What a response's head says. */
export interface ResponseHead {
  readonly status: number
  /**
   * Names and values in turn, as sent, decoded as latin-1, values without surrounding blanks. Of a Content-Length that
   * is told several times only one is left.
   */
  readonly fields: string[]
  /** The Connection field's options, joined by commas, '' when there is none. */
  readonly connection: string
  /** Length of the body that follows, 0 where there can be none; undefined where it is chunked or ends with the connection. */
  readonly bodyLength: number | undefined
}

/** What the parser itself has to know besides. */
export interface FramedHead extends ResponseHead {
  /** How a body without a length ends: by its last chunk, or else with the connection. */
  readonly isChunked: boolean
  /** Whether the connection stays open after this response, by what its head says (RFC 9112 §9.3). */
  readonly keepsConnection: boolean
}

/** What every answer begins with that may be read on. */
export const protocolName = Buffer.from('HTTP/1.', 'latin1')

const noProtocol = 'no status line of HTTP/1.0 or HTTP/1.1'

/** Throws unless these bytes may begin a response, however few they are. */
export function requireProtocolName(bytes: Buffer): void {
  const length = Math.min(bytes.length, protocolName.length)
  if (bytes.compare(protocolName, 0, length, 0, length) !== 0) throw new ResponseMalformed(noProtocol)
}

/** Throws unless these lines, each ended by a line feed, may begin a head. */
export function requireHeadLines(lines: Lines, maxFields: number): void {
  readFieldLines(lines, endOfStatusLine(lines), maxFields)
}

/** Reads the lines of a whole head, without the empty one that ends it. */
export function readHead(lines: Lines, method: string, maxFields: number): FramedHead {
  const start = endOfStatusLine(lines)
  const status = Number(lines.text.slice(9, 12))
  const fields = readFieldLines(lines, start, maxFields)
  return frame({ status, fields, isOldVersion: lines.text.startsWith('0', 7) }, method)
}

/**
 * Where the first field line begins. The blank between status and reason phrase has to be sent even when the phrase is
 * empty (RFC 9112 §4), but many servers leave it away, and then nothing can be read in two ways.
 */
function endOfStatusLine(lines: Lines): number {
  const { text } = lines
  if (/^HTTP\/1\.[01] [1-5]\d\d[ \r\n]/.test(text)) return endOfText(lines, 12) + 2
  const isOtherStatus = /^HTTP\/1\.[01] \d{3}[ \r\n]/.test(text)
  throw new ResponseMalformed(isOtherStatus ? 'a status outside 100-599' : noProtocol)
}

interface PlainHead {
  readonly status: number
  readonly fields: string[]
  readonly isOldVersion: boolean
}

/** How long the body is and how it ends (RFC 9112 §6.3). */
function frame({ status, fields, isOldVersion }: PlainHead, method: string): FramedHead {
  let connection: string | undefined
  let contentLength: string | undefined
  let transferEncoding: string | undefined
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const value = fields[i + 1] ?? ''
    if (isNamed(name, 'connection')) connection = joinLists(connection, value)
    else if (isNamed(name, 'content-length')) contentLength = joinLists(contentLength, value)
    else if (isNamed(name, 'transfer-encoding')) transferEncoding = joinLists(transferEncoding, value)
  }
  const isChunked = transferEncoding !== undefined
  const length = contentLength === undefined ? undefined : readContentLength(contentLength)
  if (transferEncoding !== undefined) requirePlainChunked(transferEncoding, isOldVersion)
  if (isChunked && length !== undefined)
    throw new ResponseMalformed('both Content-Length and Transfer-Encoding')
  const hasNoBody = status < 200 || status === 204 || status === 304 || method === 'HEAD'
  // Neither field may be sent with these (RFC 9110 §8.6, RFC 9112 §6.1): a body may follow all the same.
  const isSuspect = (status < 200 || status === 204) && (isChunked || length !== undefined)
  return {
    status,
    fields: contentLength?.includes(',') ? withOneLength(fields, String(length)) : fields,
    connection: connection ?? '',
    bodyLength: hasNoBody ? 0 : length,
    isChunked,
    keepsConnection: !isSuspect && staysOpen(connection ?? '', isOldVersion),
  }
}

/** Lower-casing only names of the right length spares nearly all of them. */
function isNamed(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && name.toLowerCase() === lowerName
}

function joinLists(list: string | undefined, further: string): string {
  return list === undefined ? further : `${list},${further}`
}

/** One length; told several times it has to be the same one, digit for digit (RFC 9110 §8.6). */
function readContentLength(list: string): number {
  const [first = '', ...others] = list.includes(',') ? list.split(/[ \t]*,[ \t]*/) : [list]
  if (others.some((other) => other !== first)) throw new ResponseMalformed('several lengths')
  const length = Number(first)
  if (!/^\d+$/.test(first) || length > Number.MAX_SAFE_INTEGER)
    throw new ResponseMalformed('a Content-Length that is none')
  return length
}

/** Of another coding, or of several, the body would arrive as if it had none (RFC 9112 §6.1). */
function requirePlainChunked(transferEncoding: string, isOldVersion: boolean): void {
  if (isOldVersion) throw new ResponseMalformed('a transfer coding in HTTP/1.0')
  if (transferEncoding.toLowerCase() !== 'chunked')
    throw new ResponseMalformed('a transfer coding other than chunked')
}

/** What was accepted as one length must not be read in another way by whom it is forwarded to. */
function withOneLength(fields: readonly string[], length: string): string[] {
  const kept: string[] = []
  let isTold = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const isLength = isNamed(name, 'content-length')
    if (!isLength) kept.push(name, fields[i + 1] ?? '')
    else if (!isTold) kept.push(name, length)
    isTold ||= isLength
  }
  return kept
}

function staysOpen(connection: string, isOldVersion: boolean): boolean {
  if (connection === '') return !isOldVersion
  const options = connection.toLowerCase().split(/[ \t]*,[ \t]*/)
  return !options.includes('close') && (!isOldVersion || options.includes('keep-alive'))
}
