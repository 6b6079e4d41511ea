/** A value that comes from the environment is known when the gateway starts, not in an editor. */
const variable = '\\$\\{[A-Za-z_]\\w*(:-[^}]*)?\\}'

/** The formats of `common/config-formats.ts` as far as one pattern can tell them; none refuses what the format takes. */
export const patterns: Readonly<Record<string, string>> = {
  duration: '^\\d{1,9}(ms|s|m|h|d)$',
  timeout: '^0*[1-9]\\d*(ms|s|m|h|d)$',
  quota: '^0*[1-9]\\d*/\\d{1,9}(ms|s|m|h|d)$',
  'listen-address': '^(\\[[0-9A-Fa-f:.]+\\]|[\\w.-]+):\\d{1,5}$',
  'http-url': '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\\\\\s]+(/[^?#\\\\\\s]*)?$',
  'database-url': '^(sqlite:.+|postgres(ql)?://.+)$',
  'store-url': '^(memory|rediss?(\\+(sentinel|cluster))?://[^\\s?#]+)$',
  network: '^[0-9A-Fa-f:.]+(/\\d{1,3})?$',
  'plain-name': '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$',
  'path-prefix': '^(/|(/(?!\\.{1,2}(/|$))[A-Za-z0-9._~-]+)+)$',
  'header-name': '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$',
  'key-256': '^[A-Za-z0-9_-]{43}$',
  date: '^\\d{4}-\\d{2}-\\d{2}$',
  scope: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,64}$',
  role: '^[A-Za-z0-9._:/-]{1,64}$',
}

/**
 * A configuration's schema as editors understand it (JSON Schema, draft 7): formats of our own become patterns, dangers
 * join the descriptions, and a variable of the environment may stand for any text.
 */
export function toEditorSchema(title: string, schema: Readonly<Record<string, unknown>>): unknown {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...translate(schema) }
}

type Node = Readonly<Record<string, unknown>>

function translate({ format, secret: _secret, danger, unit: _unit, ...node }: Node): Node {
  const result: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(node)) result[keyword] = translateValue(keyword, value)
  if (typeof format === 'string') result.pattern = `${variable}|${patternOf(format)}`
  if (typeof danger === 'string') result.description = `${node.description} Danger: ${danger}`
  if (!Array.isArray(node.enum)) return result
  delete result.enum
  return { ...result, anyOf: [{ enum: node.enum }, { type: 'string', pattern: variable }] }
}

function translateValue(keyword: string, value: unknown): unknown {
  switch (keyword) {
    case 'properties':
    case 'patternProperties':
      return Object.fromEntries(
        Object.entries(value as Node).map(([name, part]) => [name, translate(part as Node)]),
      )
    case 'anyOf':
      return (value as readonly Node[]).map(translate)
    case 'items':
      return translate(value as Node)
    case 'propertyNames':
      // Names are not replaced from the environment.
      return { pattern: patternOf(String((value as Node).format)) }
    default:
      return value
  }
}

function patternOf(format: string): string {
  const pattern = patterns[format]
  if (pattern === undefined) throw new TypeError(`the format ${format} has no pattern for editors`)
  return pattern
}
