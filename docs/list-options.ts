/** An option as the documents tell it. */
export interface Option {
  /** Where it stands in the file; `PATH` for a name that the writer of the file gives. */
  readonly path: readonly string[]
  readonly type: string
  /** Its default as YAML, or whether it must or may be left out. */
  readonly fallback: string
  readonly meaning: string
}

/** The parts of a JSON Schema that the options are described by. */
interface Schema {
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[] | undefined
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
  readonly unit?: string
  readonly danger?: string
  readonly secret?: boolean
}

/** Every option of a configuration schema, in the schema's order: an option first, then its parts. */
export function listOptions(schema: Schema, path: readonly string[] = []): Option[] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const at = [...path, name]
    return [describe(at, part, schema.required?.includes(name) ?? false), ...listOptions(part, at)]
  })
  const free = Object.values(schema.patternProperties ?? {}).flatMap((part) =>
    listOptions(part, [...path, 'PATH']),
  )
  return [...named, ...free, ...(schema.anyOf ?? []).flatMap((branch) => listOptions(branch, path))]
}

function describe(path: readonly string[], schema: Schema, isRequired: boolean): Option {
  const danger = schema.danger === undefined ? '' : ` **Danger:** ${schema.danger}`
  const secret = schema.secret === true ? ' It is never shown in a message or a log.' : ''
  return {
    path,
    type: typeOf(schema),
    fallback: fallbackOf(schema, isRequired),
    meaning: `${schema.description ?? ''}${secret}${danger}`,
  }
}

function fallbackOf(schema: Schema, isRequired: boolean): string {
  if (schema.properties !== undefined && schema.default !== undefined) return ''
  if (schema.default !== undefined) return `\`${render(schema.default)}\``
  return isRequired ? 'required' : 'none'
}

function render(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function typeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  switch (schema.type) {
    case 'array':
      return `list of ${schema.items === undefined ? 'values' : typeOf(schema.items)}`
    case 'boolean':
      return '`true`, `false`'
    case 'integer':
      return `${schema.unit ?? 'number'}: ${schema.minimum ?? 'any'} to ${schema.maximum ?? 'any'}`
    case 'string':
      return schema.format ?? 'text'
    default:
      return schema.type ?? 'any'
  }
}
