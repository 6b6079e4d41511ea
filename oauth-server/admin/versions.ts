import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** The entity tag (RFC 9110 §8.8.3) of a thing as the API shows it. */
function etagOf(shown: object): string {
  return `"${createHash('sha256').update(JSON.stringify(shown)).digest('base64url').slice(0, 22)}"`
}

/** Has an answer tell the version of the thing that it shows. */
export function withVersion<Shown extends object>(reply: FastifyReply, shown: Shown): Shown {
  reply.header('etag', etagOf(shown))
  return shown
}

/**
 * Whether a thing is one that If-Match (RFC 9110 §13.1.1) names; without that header the check is `undefined`, and every
 * state of the thing is right.
 */
export function ifMatch<Thing>(
  header: string | undefined,
  show: (thing: Thing) => object,
): ((thing: Thing) => boolean) | undefined {
  if (header === undefined) return undefined
  const tags = header.split(',').map((tag) => tag.trim())
  return (thing) => tags.includes('*') || tags.includes(etagOf(show(thing)))
}
