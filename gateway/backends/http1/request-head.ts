/** How a request's body is framed (RFC 9112 §6): by its length, in chunks, or not at all. */
export type BodyFraming = number | 'chunked' | undefined

/** What is written before a request's body. */
export interface RequestHead {
  readonly method: string
  /** The target, in origin form. */
  readonly path: string
  readonly host: string
  /** Names and values in turn; those that frame the body are written from `framing` alone. */
  readonly fields: readonly string[]
  readonly framing: BodyFraming
}

/** What can stand in no field: it would end the field, or be cut down to another sign on the way out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const forbidden = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/

/** Methods whose servers expect a length even where there is no body (RFC 9110 §8.6). */
const expectLength: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Renders a request's head (RFC 9112 §3) as Latin-1 text. Throws for a field that would not arrive as it was meant, whoever
 * let it come this far.
 */
export function renderRequestHead({ method, path, host, fields, framing }: RequestHead): string {
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    if (forbidden.test(value))
      throw new Error(`the field ${JSON.stringify(name)} holds what no field can hold`)
    if (!isFraming(name)) head += `${name}: ${value}\r\n`
  }
  if (framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n'
  else if (framing !== undefined) head += `Content-Length: ${framing}\r\n`
  else if (expectLength.has(method)) head += 'Content-Length: 0\r\n'
  return `${head}Connection: keep-alive\r\n\r\n`
}

/** Told by the length first: a test for nearly every name. */
function isFraming(name: string): boolean {
  if (name.length !== contentLength.length && name.length !== transferEncoding.length) return false
  const lower = name.toLowerCase()
  return lower === contentLength || lower === transferEncoding
}

const contentLength = 'content-length'
const transferEncoding = 'transfer-encoding'
