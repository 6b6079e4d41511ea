import { ResponseMalformed } from './response-malformed.ts'

const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const blank = 0x20
const colon = 0x3a

/** Which bytes may stand in a field's name (RFC 9110 §5.6.2). */
const inToken = new Uint8Array(256)
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  inToken[char.charCodeAt(0)] = 1

/** Which bytes may stand in a field's value or a reason phrase: all but the controls, HTAB apart (RFC 9110 §5.5). */
const inText = new Uint8Array(256).fill(1)
for (let byte = 0; byte < blank; byte += 1) inText[byte] = byte === tab ? 1 : 0
inText[0x7f] = 0

/** Most of what may stand before a body and, as trailers, behind it. */
export interface HeadLimits {
  readonly maxHeadBytes: number
  readonly maxFields: number
}

/** Whole lines, each ended by a line feed. `text` is the latin-1 decoding of `bytes` from `offset` on. */
export interface Lines {
  readonly bytes: Buffer
  readonly text: string
  readonly offset: number
}

/**
 * The names and values, in turn, of all field lines from `start` (counted in the text) to the end of the text. A loop
 * over the bytes that looks each of them up in a table takes two thirds of the time of one regular expression for the
 * lines and searches for their ends, and it knows what is wrong.
 */
export function readFieldLines(lines: Lines, start: number, maxFields: number): string[] {
  const { bytes, text, offset } = lines
  const fields: string[] = []
  for (let at = start; at < text.length; ) {
    if (fields.length === 2 * maxFields) throw new ResponseMalformed('too many fields')
    let end = at
    while (inToken[bytes[offset + end] ?? 0] === 1) end += 1
    if (end === at || bytes[offset + end] !== colon) throw new ResponseMalformed(whatIsNoName(lines, at, end))
    const name = text.slice(at, end)
    const lineEnd = endOfText(lines, end + 1)
    fields.push(name, withoutBlanks(lines, end + 1, lineEnd))
    at = lineEnd + 2
  }
  return fields
}

/** Where the text that begins at `start` ends with its line: the place of the CRLF. */
export function endOfText({ bytes, offset }: Lines, start: number): number {
  let at = offset + start
  while (inText[bytes[at] ?? 0] === 1) at += 1
  const byte = bytes[at]
  if (byte === carriageReturn && bytes[at + 1] === lineFeed) return at - offset
  throw new ResponseMalformed(whatIsNoText(byte))
}

/** String.prototype.trim() would take other characters away too, such as 0xa0. */
function withoutBlanks({ bytes, text, offset }: Lines, start: number, end: number): string {
  let first = start
  let last = end
  while (first < last && isBlank(bytes[offset + first])) first += 1
  while (first < last && isBlank(bytes[offset + last - 1])) last -= 1
  return text.slice(first, last)
}

function isBlank(byte: number | undefined): boolean {
  return byte === blank || byte === tab
}

/** Why the bytes from `start` to `end` and the one after them are no field name and its colon. */
function whatIsNoName({ bytes, offset }: Lines, start: number, end: number): string {
  const byte = bytes[offset + end]
  if (byte === carriageReturn && bytes[offset + end + 1] === lineFeed) return 'a line without a colon'
  if (byte === carriageReturn || byte === lineFeed) return whatIsNoText(byte)
  if (isBlank(byte)) return end === start ? 'a folded line' : 'a blank in a field name'
  return byte === colon ? 'an empty field name' : 'a field name that is no token'
}

function whatIsNoText(byte: number | undefined): string {
  if (byte === carriageReturn) return 'a carriage return without a line feed'
  if (byte === lineFeed) return 'a line feed without a carriage return'
  return 'a control character'
}
