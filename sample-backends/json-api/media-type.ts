import type { IncomingHttpHeaders } from 'node:http'
import { notAcceptable, unsupportedMediaType } from './errors.ts'

/** The media type of every document here (JSON:API 1.1, section 4). */
export const jsonApiMediaType = 'application/vnd.api+json'

/** One media range of `Accept`, or the one media type of `Content-Type`. */
interface MediaRange {
  readonly type: string
  /** Names of its parameters, without the weight. */
  readonly parameters: readonly string[]
  readonly weight: number
}

/**
 * Holds the media type rules of JSON:API 1.1, section 5.3. No extension is supported here, so an `ext` parameter is as
 * wrong as an unknown one; a `profile` may be ignored. Throws 406 or 415.
 */
export function negotiate(headers: IncomingHttpHeaders): void {
  if (!isReadable(headers)) throw unsupportedMediaType()
  if (!isAcceptable(headers.accept)) throw notAcceptable()
}

/** A `Content-Type` of another kind is harmless as long as no content comes with it: many clients send one with a GET. */
function isReadable(headers: IncomingHttpHeaders): boolean {
  const [range] = parseRanges(headers['content-type'] ?? '')
  if (range?.type === jsonApiMediaType) return isPlain(range)
  const hasContent = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return !hasContent
}

/**
 * Whether the client takes our media type. The most specific range decides (RFC 9110, section 12.5.1); our own type
 * spelt with parameters that we cannot honour is a refusal, even beside a wildcard.
 */
function isAcceptable(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true
  const ranges = parseRanges(accept)
  const exact = ranges.filter((range) => range.type === jsonApiMediaType)
  if (exact.length > 0) return exact.some((range) => isPlain(range) && range.weight > 0)
  const wildcard =
    ranges.find((range) => range.type === 'application/*') ?? ranges.find((range) => range.type === '*/*')
  return wildcard !== undefined && wildcard.weight > 0
}

function isPlain(range: MediaRange): boolean {
  return range.parameters.every((name) => name === 'profile')
}

/** A quoted parameter may hold commas and semicolons, so both are split outside quotes only, in linear time. */
function parseRanges(header: string): readonly MediaRange[] {
  return (header.match(/(?:[^,"]|"[^"]*")+/g) ?? []).map(parseRange)
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = (text.match(/(?:[^;"]|"[^"]*")+/g) ?? []).map((part) => part.trim())
  const pairs = parameters.map((parameter) => parameter.split('='))
  const weight = pairs.find(([name]) => name?.toLowerCase() === 'q')?.[1]
  return {
    type: type.toLowerCase(),
    parameters: pairs.map(([name = '']) => name.toLowerCase()).filter((name) => name !== 'q'),
    weight: weight === undefined ? 1 : Number(weight),
  }
}
