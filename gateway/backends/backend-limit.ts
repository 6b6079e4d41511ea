/** A limit that a backend has of its own, as its answer tells it. */
export interface BackendLimit {
  readonly limit: number | undefined
  readonly remaining: number
  /** Length of its window, in seconds. */
  readonly windowS: number | undefined
  /** When it is reset: in so many seconds, or at a second of the epoch. */
  readonly reset: { readonly inS: number } | { readonly atS: number } | undefined
}

/** Whether a field tells of a limit, under any of the names that are in use. */
export function isLimitField(lowerName: string): boolean {
  // Nearly every name is told by its beginning alone.
  if (!lowerName.startsWith('rate') && !lowerName.startsWith('x-rate')) return false
  return /^(?:x-)?rate-?limit(?:-|$)/.test(lowerName)
}

/**
 * Reads what a backend says of its limits; of several, the one that has the fewest requests left. A field that is repeated
 * or not well-formed says nothing.
 *
 * @param fields Lower-case names and values in turn.
 */
export function readBackendLimit(fields: readonly string[]): BackendLimit | undefined {
  const values = valuesByName(fields)
  const limits = [readItems(values)]
  for (const prefix of ['x-rate-limit', 'x-ratelimit', 'ratelimit', 'rate-limit'])
    limits.push(readTriple(values, prefix))
  let strictest: BackendLimit | undefined
  for (const limit of limits) {
    if (limit === undefined) continue
    if (strictest === undefined || limit.remaining < strictest.remaining) strictest = limit
  }
  return strictest
}

/** Longer than any honest field of this kind. */
const maxValueLength = 1_024

function valuesByName(fields: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    // Of a repeated field nobody knows which is meant.
    values.set(name, values.has(name) || value.length > maxValueLength ? '' : value.trim())
  }
  return values
}

/** Three fields with a number each, as they were in use before the draft's lists. */
function readTriple(values: ReadonlyMap<string, string>, prefix: string): BackendLimit | undefined {
  const remaining = wholeNumber(values.get(`${prefix}-remaining`))
  if (remaining === undefined) return undefined
  const reset = wholeNumber(values.get(`${prefix}-reset`))
  return {
    limit: wholeNumber(values.get(`${prefix}-limit`)),
    remaining,
    windowS: undefined,
    reset: reset === undefined ? undefined : resetOf(reset),
  }
}

/** No window lasts until here, and no time since the epoch is before. */
const leastEpochS = 1_000_000_000
/** What is beyond is given in milliseconds, or is nonsense. */
const mostEpochS = 99_999_999_999

/** Some count the seconds until the reset, others those since the epoch. */
function resetOf(reset: number): BackendLimit['reset'] {
  if (reset > mostEpochS) return undefined
  return reset < leastEpochS ? { inS: reset } : { atS: reset }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** The lists of draft-ietf-httpapi-ratelimit-headers-10: `"burst";r=7;t=30` and `"burst";q=10;w=60`. */
function readItems(values: ReadonlyMap<string, string>): BackendLimit | undefined {
  const items = parseList(values.get('ratelimit') ?? '') ?? []
  const policies = parseList(values.get('ratelimit-policy') ?? '') ?? []
  let strictest: BackendLimit | undefined
  for (const { name, parameters } of items) {
    const remaining = wholeNumber(parameters.get('r'))
    if (remaining === undefined) return undefined
    if (strictest !== undefined && strictest.remaining <= remaining) continue
    const policy = policies.find((each) => each.name === name)?.parameters
    const inS = wholeNumber(parameters.get('t'))
    strictest = {
      limit: wholeNumber(policy?.get('q')),
      remaining,
      windowS: wholeNumber(policy?.get('w')),
      reset: inS === undefined ? undefined : { inS },
    }
  }
  return strictest
}

interface ListItem {
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
}

const text = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"'
const token = "[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*"
const bareItem = `-?\\d{1,12}\\.\\d{1,3}|-?\\d{1,15}|${text}|${token}|:[A-Za-z0-9+/=]*:|\\?[01]`
const itemPattern = new RegExp(`(${text})((?:; *[a-z*][a-z0-9_.*-]*(?:=(?:${bareItem}))?)*)`, 'y')
const parameterPattern = new RegExp(`; *([a-z*][a-z0-9_.*-]*)(?:=(${bareItem}))?`, 'g')
const separatorPattern = /[ \t]*,[ \t]*/y

/** A List of Strings with parameters (RFC 9651 §4.2.1); `undefined` when it is anything else, in any part. */
function parseList(value: string): ListItem[] | undefined {
  const items: ListItem[] = []
  let at = 0
  while (at < value.length) {
    itemPattern.lastIndex = at
    const item = itemPattern.exec(value)
    if (item === null) return undefined
    items.push({ name: item[1] ?? '', parameters: parametersOf(item[2] ?? '') })
    at = itemPattern.lastIndex
    if (at === value.length) return items
    separatorPattern.lastIndex = at
    if (!separatorPattern.test(value) || separatorPattern.lastIndex === value.length) return undefined
    at = separatorPattern.lastIndex
  }
  return items
}

/** Of a repeated parameter the last counts (RFC 9651 §4.2.3.2). */
function parametersOf(list: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [, key = '', value = '?1'] of list.matchAll(parameterPattern)) parameters.set(key, value)
  return parameters
}
