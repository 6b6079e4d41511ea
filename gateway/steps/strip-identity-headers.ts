import type { IncomingMessage } from 'node:http'
import { disposition, type EntryHeaderRules, withoutListed } from '../backends/header-rules.ts'
import { GatewayError } from '../errors.ts'

/** A request's headers with everything gone that only the gateway may say, and what the later steps need of them. */
export interface EntryHeaders {
  /** Fields that may reach a backend, names and values in turn, as they were sent. */
  readonly fields: readonly string[]
  readonly host: string | undefined
  readonly authorization: string | undefined
}

/** More than browsers and client libraries send, and fewer than the 1,000 past which Node drops them in silence. */
const maxFields = 100

/**
 * Removes identity headers in every spelling, hop-by-hop headers and those that Connection lists, before anything reads
 * them. Refuses what two readers could read differently: a missing or repeated Host, repeated Authorization or
 * Content-Type, and a Transfer-Encoding other than plain chunked (RFC 9112 §3.2, §6.1).
 */
export function stripIdentityHeaders(request: IncomingMessage, rules: EntryHeaderRules): EntryHeaders {
  const raw = request.rawHeaders
  if (raw.length > maxFields * 2)
    throw new GatewayError('headers-too-large', { headers: ['Connection', 'close'] })
  const fields: string[] = []
  let host: string | undefined
  let authorization: string | undefined
  let contentType: string | undefined
  let connection = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    switch (rules.of(name)) {
      case disposition.forward:
        fields.push(name, value)
        break
      case disposition.drop:
        break
      case disposition.connection:
        connection = connection === '' ? value : `${connection},${value}`
        break
      case disposition.host:
        host = onlyOne(host, value)
        break
      case disposition.authorization:
        authorization = onlyOne(authorization, value)
        break
      case disposition.contentType:
        contentType = onlyOne(contentType, value)
        fields.push(name, value)
        break
      case disposition.transferEncoding:
        requirePlainChunked(request, value)
        break
      case disposition.referer:
        fields.push(name, withoutToken(value))
        break
    }
  }
  if (host === undefined && request.httpVersion === '1.1') throw malformed()
  return { fields: withoutListed(fields, connection), host, authorization }
}

function onlyOne(earlier: string | undefined, value: string): string {
  if (earlier !== undefined) throw malformed()
  return value
}

function requirePlainChunked(request: IncomingMessage, value: string): void {
  if (request.httpVersion !== '1.1' || value.toLowerCase() !== 'chunked') throw malformed()
}

/**
 * A page that was opened with a token in its URL names that URL in whatever it asks for next. A query that encodes letters
 * without need may spell the name otherwise.
 */
function withoutToken(referer: string): string {
  const query = referer.indexOf('?')
  return query !== -1 && /access(?:_|%5f)token|%[4-7][1-9a-f]/i.test(referer.slice(query))
    ? referer.slice(0, query)
    : referer
}

/** Framing that is in doubt leaves the rest of the connection in doubt too: it is closed. */
function malformed(): GatewayError {
  return new GatewayError('request-malformed', { headers: ['Connection', 'close'] })
}
