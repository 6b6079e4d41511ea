import { invalidParameter } from './errors.ts'

/** The query parameters of a request, each given once and each known to the endpoint. */
export type QueryParameters = ReadonlyMap<string, string>

/** One field to sort by. */
export interface SortKey<Field extends string> {
  readonly field: Field
  readonly isDescending: boolean
}

/**
 * Reads the query of a request target. JSON:API 1.1 (section 6.3) has a server refuse a parameter that it does not
 * know: a misspelt filter that is ignored would answer with more than was asked for.
 */
export function readQuery(url: string, known: readonly string[]): QueryParameters {
  const start = url.indexOf('?')
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(start === -1 ? '' : url.slice(start))) {
    if (!known.includes(name)) throw invalidParameter(name, knownRule(known))
    if (parameters.has(name)) throw invalidParameter(name, 'A parameter may be given once only.')
    parameters.set(name, value)
  }
  return parameters
}

/** Reads a parameter that must be one of a few words; `undefined` when it is not given. */
export function readChoice<Choice extends string>(
  parameters: QueryParameters,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = parameters.get(name)
  return value === undefined ? undefined : choose(name, value, choices)
}

/** Reads a comma-separated list of names; `undefined` when it is not given, which is not the same as an empty list. */
export function readNames<Choice extends string>(
  parameters: QueryParameters,
  name: string,
  choices: readonly Choice[],
): ReadonlySet<Choice> | undefined {
  const value = parameters.get(name)
  if (value === undefined) return undefined
  return new Set(value === '' ? [] : value.split(',').map((item) => choose(name, item, choices)))
}

/** Reads `sort=title,-duration`. */
export function readSort<Field extends string>(
  parameters: QueryParameters,
  fields: readonly Field[],
): readonly SortKey<Field>[] {
  const choices = fields.flatMap((field) => [field, `-${field}`] as const)
  const keys = [...(readNames(parameters, 'sort', choices) ?? [])].map((name) => ({
    field: name.replace(/^-/, '') as Field,
    isDescending: name.startsWith('-'),
  }))
  if (new Set(keys.map((key) => key.field)).size < keys.length)
    throw invalidParameter('sort', 'A field may be sorted by once only.')
  return keys
}

function choose<Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === value)
  if (choice === undefined) throw invalidParameter(name, `The values here are ${choices.join(', ')}.`)
  return choice
}

function knownRule(known: readonly string[]): string {
  return known.length === 0 ? 'No parameters are known here.' : `The parameters here are ${known.join(', ')}.`
}
