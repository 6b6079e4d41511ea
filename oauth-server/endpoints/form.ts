import { RequestRefused, refusals } from '../errors.ts'

/** Parameters by name, each once and never empty. */
export type Form = ReadonlyMap<string, string>

/**
 * Parses `application/x-www-form-urlencoded` text, of a body or of a query, as RFC 6749 §3.1 and §3.2 ask: a repeated
 * parameter is refused and an empty one counts as left out. Names are flat: `scope[]` is a name like any other. A map
 * rather than an object holds them, so that no name reaches a prototype. Throws {@link RequestRefused}.
 */
export function parseForm(text: string): Form {
  const form = new Map<string, string>()
  for (const pair of text.split('&').filter((part) => part !== '')) {
    const [name, value] = splitPair(pair)
    if (form.has(name)) throw new RequestRefused(refusals.repeatedParameter)
    form.set(name, value)
  }
  return new Map([...form].filter(([, value]) => value !== ''))
}

/**
 * Decodes form-url-encoding (RFC 6749 appendix B); `undefined` for what no encoder writes: raw bytes outside printable
 * ASCII, broken percent signs, invalid UTF-8 (lone surrogates among it) and control characters.
 */
export function decodeFormText(text: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(text)) return undefined
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return /\p{Cc}/u.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

function splitPair(pair: string): readonly [name: string, value: string] {
  const equals = pair.indexOf('=')
  const name = decodeFormText(equals === -1 ? pair : pair.slice(0, equals))
  const value = decodeFormText(equals === -1 ? '' : pair.slice(equals + 1))
  if (name === undefined || value === undefined) throw new RequestRefused(refusals.malformedForm)
  return [name, value]
}
