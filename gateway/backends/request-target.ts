import { GatewayError } from '../errors.ts'

/** The two halves of a request's target (RFC 9112 §3.2.1), as they were sent. */
export interface RequestTarget {
  /** Well-formed and read in one way only, so that what was checked is what a backend gets. */
  readonly path: string
  /** The query with its question mark; empty when there is none. */
  readonly search: string
}

/**
 * What makes a path ambiguous: two programs that normalise it differently would see two paths, and the rules of the one
 * would guard the other. Controls and non-ASCII, backslash, semicolon; empty and dot segments; percent-encoded slash,
 * backslash, percent, semicolon and controls; percent-encoded letters, digits and - . _ ~, which mean the same as plain
 * ones (RFC 3986 §6.2.2.2) and would hide a guarded path behind another; a percent sign that encodes nothing.
 */
const ambiguous =
  /[^\x21-\x7e]|[\\;#]|\/\/|\/\.{1,2}(?:\/|$)|%(?:2[5def]|3[0-9b]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9aef]|[01][0-9a-f])|%(?![0-9a-f]{2})/i

const forbiddenInQuery = /[^\x21-\x7e]|#/

/** Splits a request target. Throws `path-ambiguous` or `request-malformed`, so that no later step sees a doubtful path. */
export function parseRequestTarget(url: string): RequestTarget {
  if (url.charCodeAt(0) !== slash) throw new GatewayError('request-malformed')
  const questionMark = url.indexOf('?')
  const path = questionMark === -1 ? url : url.slice(0, questionMark)
  const search = questionMark === -1 ? '' : url.slice(questionMark)
  if (ambiguous.test(path)) throw new GatewayError('path-ambiguous')
  if (forbiddenInQuery.test(search)) throw new GatewayError('request-malformed')
  return { path, search }
}

const slash = 0x2f
