import { type QueryParameters, readNames } from './query.ts'

/** Points at a resource: resource linkage. */
export interface ResourceIdentifier {
  readonly type: string
  readonly id: string
}

/** A relationship: always a link to follow, and linkage where the related resources are known. */
export interface Relationship {
  readonly links: { readonly related: string }
  readonly data?: ResourceIdentifier | readonly ResourceIdentifier[]
}

/** A resource object of JSON:API 1.1 (section 7.2). */
export interface Resource extends ResourceIdentifier {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly relationships?: Readonly<Record<string, Relationship>>
  readonly links: { readonly self: string }
}

/** A document that tells a success. */
export interface DataDocument {
  readonly jsonapi: { readonly version: '1.1' }
  readonly links: Readonly<Record<string, string | null>>
  readonly data?: Resource | readonly Resource[]
  readonly included?: readonly Resource[]
  readonly meta?: Readonly<Record<string, unknown>>
}

/** How items of one type become resources: a function for every field. */
export interface ResourceKind<Item> {
  readonly type: string
  /** The path of the resources of this type; a resource's own is one segment longer. */
  readonly path: string
  readonly attributes: Readonly<Record<string, (item: Item) => unknown>>
  readonly relationships: Readonly<Record<string, (item: Item) => Relationship>>
}

/** The fields of one type that were asked for; `undefined` stands for all of them. */
export type SparseFields = ReadonlySet<string> | undefined

export function createDocument(content: Omit<DataDocument, 'jsonapi'>): DataDocument {
  return { jsonapi: { version: '1.1' }, ...content }
}

/** Renders one item, with the fields that were asked for only. */
export function renderResource<Item extends { readonly id: string }>(
  kind: ResourceKind<Item>,
  item: Item,
  fields: SparseFields,
): Resource {
  const relationships = renderFields(kind.relationships, item, fields)
  return {
    type: kind.type,
    id: item.id,
    attributes: renderFields(kind.attributes, item, fields),
    ...(Object.keys(relationships).length > 0 && { relationships }),
    links: { self: `${kind.path}/${item.id}` },
  }
}

/** The name of the parameter that chooses the fields of a type. */
export function fieldsParameter(type: string): string {
  return `fields[${type}]`
}

/** Reads `fields[type]` (JSON:API 1.1, section 6.4). A field that this kind lacks is refused. */
export function readFields<Item>(parameters: QueryParameters, kind: ResourceKind<Item>): SparseFields {
  const names = [...Object.keys(kind.attributes), ...Object.keys(kind.relationships)]
  return readNames(parameters, fieldsParameter(kind.type), names)
}

/**
 * A link to this API itself. It names no host: the path holds behind whichever public name the gateway has, and one
 * stored answer is right for all of them.
 */
export function linkTo(path: string, parameters: QueryParameters): string {
  return parameters.size === 0 ? path : `${path}?${new URLSearchParams([...parameters])}`
}

function renderFields<Item, Value>(
  fields: Readonly<Record<string, (item: Item) => Value>>,
  item: Item,
  wanted: SparseFields,
): Record<string, Value> {
  const chosen = Object.entries(fields).filter(([name]) => wanted?.has(name) ?? true)
  return Object.fromEntries(chosen.map(([name, render]) => [name, render(item)]))
}
