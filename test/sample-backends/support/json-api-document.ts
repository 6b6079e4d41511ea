/** What is wrong with a text as a JSON:API 1.1 document (section 7); empty when it is one. */
export function documentFaults(text: string): readonly string[] {
  const document: unknown = JSON.parse(text)
  if (!isRecord(document)) return ['the document is no object']
  const { data, errors, meta, included } = document
  const faults: string[] = []
  if (data === undefined && errors === undefined && meta === undefined)
    faults.push('none of data, errors and meta is there')
  if (data !== undefined && errors !== undefined) faults.push('data and errors stand together')
  if (included !== undefined && data === undefined) faults.push('included stands without data')
  if (errors !== undefined) faults.push(...errorFaults(errors))
  const primary = asList(data)
  faults.push(...[...primary, ...asList(included)].flatMap(resourceFaults))
  faults.push(...linkageFaults(primary, asList(included)))
  return faults
}

function errorFaults(errors: unknown): readonly string[] {
  if (!Array.isArray(errors) || errors.length === 0) return ['errors is no list with something in it']
  return errors.every((error) => isRecord(error) && /^[45]\d\d$/.test(String(error.status)))
    ? []
    : ['an error object lacks its status']
}

function resourceFaults(resource: unknown): readonly string[] {
  if (!isRecord(resource)) return ['a resource is no object']
  const { type, id, attributes, relationships = {} } = resource
  const faults: string[] = []
  if (typeof type !== 'string' || typeof id !== 'string') faults.push('a resource lacks its type or id')
  if (!isRecord(attributes) || !isRecord(relationships)) return [...faults, `${id}: fields are no objects`]
  for (const name of Object.keys(attributes))
    if (name in relationships || name === 'id' || name === 'type')
      faults.push(`${id}: ${name} names two fields`)
  return faults
}

/** Full linkage: every included resource is pointed at, once (unless the pointing field was not asked for). */
function linkageFaults(primary: readonly unknown[], included: readonly unknown[]): readonly string[] {
  const linked = new Set(primary.flatMap(linkedFrom))
  const names = included.map(nameOf)
  const faults =
    linked.size === 0 ? [] : names.filter((name) => !linked.has(name)).map((name) => `${name} is not linked`)
  return new Set(names).size === names.length ? faults : [...faults, 'a resource is included twice']
}

function linkedFrom(resource: unknown): readonly string[] {
  const relationships = isRecord(resource) && isRecord(resource.relationships) ? resource.relationships : {}
  return Object.values(relationships).flatMap((relationship) =>
    isRecord(relationship) ? asList(relationship.data).map(nameOf) : [],
  )
}

function nameOf(resource: unknown): string {
  return isRecord(resource) ? `${resource.type}/${resource.id}` : 'nothing'
}

function asList(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
