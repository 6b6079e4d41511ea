import { Type } from 'typebox'
import type { StoredAuditEntry } from '../store/audit-repository.ts'
import { AdminProblem } from './problems.ts'
import {
  type AdminApp,
  answers,
  pageQuery,
  pageSchema,
  readPage,
  timeSchema,
  toPageBody,
  toTime,
} from './routes.ts'
import type { AdminServices } from './services.ts'
import { withoutNul } from './validation.ts'

const entrySchema = Type.Object({
  id: Type.String(),
  at: timeSchema('When it was done.'),
  actor: Type.String({ description: 'A client id, a user id, or cli: and the name of the system’s user.' }),
  address: Type.Union([Type.String(), Type.Null()], { description: 'Where the request came from.' }),
  action: Type.String({ description: 'Such as client.created or secret.revoked.' }),
  target: Type.String({ description: 'What it was done to, such as client:demo-x7k2m9qa.' }),
  detail: Type.Object({}, { additionalProperties: true, description: 'What changed; never a secret.' }),
})

const filterText = (description: string) =>
  Type.Optional(Type.String({ maxLength: 200, ...withoutNul, description }))

const searchQuery = Type.Object(
  {
    ...pageQuery,
    actor: filterText('Who did it, exactly.'),
    action: filterText('What was done, exactly.'),
    target: filterText('What it was done to, exactly.'),
    since: filterText('From this time on (RFC 3339).'),
    until: filterText('Before this time (RFC 3339).'),
  },
  { additionalProperties: false },
)

/** `/audit`: who changed what, when and from where; newest first. Nobody can change or delete an entry. */
export function addAudit(app: AdminApp, { audit }: AdminServices): void {
  app.get('/audit', {
    schema: {
      summary: 'Look into the audit trail, newest first',
      tags: ['audit'],
      querystring: searchQuery,
      response: answers(200, pageSchema(entrySchema)),
    },
    handler: async ({ query }) => {
      const { actor, action, target, since, until } = query
      const search = {
        actor,
        action,
        target,
        since: readTime('since', since),
        until: readTime('until', until),
      }
      return toPageBody(await audit.page(search, readPage(query)), toEntryJson)
    },
  })
}

function readTime(member: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const at = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/i.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!Number.isNaN(at)) return at
  const rule = 'must be a date or a time with its zone (RFC 3339), such as 2026-05-01T12:00:00Z'
  throw new AdminProblem('member-invalid', {
    detail: `${member} ${JSON.stringify(text)} ${rule}`,
    member,
    value: text,
    rule,
  })
}

/** An entry as the admin API and the command line show it. */
export function toEntryJson({ at, ...entry }: StoredAuditEntry) {
  return { ...entry, at: toTime(at) }
}
