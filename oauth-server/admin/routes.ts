import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import { type Static, type TSchema, Type } from 'typebox'
import type { Key, Page, PageRequest } from '../store/bounded-scan.ts'
import { AdminProblem, problemSchema } from './problems.ts'

/** Gives handlers the types of their schemas. */
interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

/** The app as its resources see it. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>

/** A route's answers: the one that is hoped for, and problem documents. */
export function answers<S extends TSchema>(status: number, schema: S) {
  return { [status]: schema, '4xx': problemSchema, '5xx': problemSchema }
}

/** The answer that has no body. */
export const nothing = Type.Null({ description: 'Done.' })

/** A time as the API writes it. */
export const timeSchema = (description: string) => Type.String({ format: 'date-time', description })

/** Milliseconds since the epoch as RFC 3339 text. */
export function toTime(at: number): string {
  return new Date(at).toISOString()
}

export function toOptionalTime(at: number | null): string | null {
  return at === null ? null : toTime(at)
}

/** Which part of a list is wanted. */
export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most items on the page.' }),
  cursor: Type.Optional(
    Type.String({ maxLength: 1_000, description: 'The next_cursor of the page before, as it was given.' }),
  ),
}

/** A list that can only be paged. */
export const pageQuerySchema = Type.Object(pageQuery, { additionalProperties: false })

/** Whether a change may make the roles that it names. */
export const createRolesQuery = Type.Object(
  { create_roles: Type.Boolean({ default: false, description: 'Make roles that are not known yet.' }) },
  { additionalProperties: false },
)

/** What a JSON Merge Patch (RFC 7396) may call itself. */
export const mergePatchTypes = ['application/merge-patch+json', 'application/json']

/** A page of a list. */
export function pageSchema<S extends TSchema>(item: S) {
  return Type.Object({
    items: Type.Array(item),
    next_cursor: Type.Union([Type.String(), Type.Null()], {
      description:
        'Gives the next page; null at the end. Where no index holds what was asked for, a page may have fewer items than its limit, at worst none, before the end.',
    }),
  })
}

/** Reads what {@link pageQuery} lets through. Throws {@link AdminProblem} for a cursor that this server has not given. */
export function readPage({
  limit,
  cursor,
}: {
  readonly limit: number
  readonly cursor?: string | undefined
}): PageRequest {
  return { limit, after: cursor === undefined ? undefined : readCursor(cursor) }
}

export function toPageBody<Item, Shown>(page: Page<Item>, show: (item: Item) => Shown) {
  return {
    items: page.items.map(show),
    next_cursor:
      page.next === undefined ? null : Buffer.from(JSON.stringify(page.next)).toString('base64url'),
  }
}

function readCursor(cursor: string): Key {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(key) && key.length >= 1 && key.length <= 2 && key.every(isKeyPart)) return key
  } catch {
    // Said below.
  }
  throw new AdminProblem('member-invalid', {
    detail: 'The cursor is none that this server has given: begin again without one.',
    member: 'cursor',
    rule: 'must be the next_cursor of the page before',
  })
}

/** Postgres refuses a text with a NUL by an error. */
function isKeyPart(part: unknown): part is string | number {
  return typeof part === 'string' ? !part.includes('\0') : Number.isSafeInteger(part)
}

/** One thing's id in a path. */
export const idParams = Type.Object({ id: Type.String({ maxLength: 200 }) })
