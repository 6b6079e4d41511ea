import { RequestRefused, refusals } from '../errors.ts'

/** Parameters by name, each once and never empty. */
export type Form = ReadonlyMap<string, string>

/** The one parameter that may be there several times (RFC 8707 §2); see {@link readResources}. */
const repeatable = 'resource'

/** Stands between its values: a control character, which no value of a form can hold. */
const separator = '\n'

/**
 * Parses `application/x-www-form-urlencoded` text, of a body or of a query, as RFC 6749 §3.1 and §3.2 ask: a repeated
 * parameter is refused (except `resource`, RFC 8707 §2) and an empty one counts as left out. Names are flat: `scope[]` is
 * a name like any other. A map rather than an object holds them, so that no name reaches a prototype. Throws
 * {@link RequestRefused}.
 */
export function parseForm(text: string): Form {
  const form = new Map<string, string>()
  for (const [name, value] of splitPairs(text)) {
    const earlier = form.get(name)
    if (earlier !== undefined && name !== repeatable) throw new RequestRefused(refusals.repeatedParameter)
    form.set(name, earlier ? earlier + separator + value : value)
  }
  return new Map([...form].filter(([, value]) => value !== ''))
}

/** The resources that are asked for, as they are written; none where the parameter is left out. */
export function readResources(form: Form): readonly string[] {
  return (form.get(repeatable) ?? '').split(separator).filter((value) => value !== '')
}

/** As {@link parseForm}, with all values of a repeated parameter: who may be told of it is found out first. */
export function parseParameters(text: string): ReadonlyMap<string, readonly string[]> {
  const parameters = new Map<string, string[]>()
  for (const [name, value] of splitPairs(text)) parameters.set(name, [...(parameters.get(name) ?? []), value])
  const isGiven = ([, values]: [string, string[]]) => values.some((value) => value !== '')
  return new Map([...parameters].filter(isGiven))
}

/**
 * Decodes form-url-encoding (RFC 6749 appendix B); `undefined` for what no encoder writes: raw bytes outside printable
 * ASCII, broken percent signs, invalid UTF-8 (lone surrogates among it) and control characters.
 */
export function decodeFormText(text: string): string | undefined {
  // Most of what is sent means itself: ids, secrets and tokens of this server do.
  if (/^[\w.~-]*$/.test(text)) return text
  if (!/^[\x20-\x7e]*$/.test(text)) return undefined
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return /\p{Cc}/u.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

function splitPairs(text: string): (readonly [name: string, value: string])[] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map(splitPair)
}

function splitPair(pair: string): readonly [name: string, value: string] {
  const equals = pair.indexOf('=')
  const name = decodeFormText(equals === -1 ? pair : pair.slice(0, equals))
  const value = decodeFormText(equals === -1 ? '' : pair.slice(equals + 1))
  if (name === undefined || value === undefined) throw new RequestRefused(refusals.malformedForm)
  return [name, value]
}
