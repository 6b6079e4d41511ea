import type { FastifyInstance } from 'fastify'
import { AdminProblem } from './problems.ts'

/** Refuses what no route takes: a method that a place does not have (RFC 9110 §15.5.6), or a place that is not there. */
export function refuseUnknownPlaces(app: FastifyInstance): void {
  const methodsByPattern = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPattern.get(url) ?? new Set()
    for (const name of [method].flat()) methods.add(name)
    methodsByPattern.set(url, methods)
  })
  app.setNotFoundHandler((request) => {
    const path = (request.raw.url ?? '').replace(/\?.*$/s, '')
    // A path can be of two patterns, as /users/bulk is, each with methods of its own.
    const allowed = [...methodsByPattern].flatMap(([pattern, methods]) =>
      isOfPattern(path, pattern) ? [...methods] : [],
    )
    if (allowed.length === 0)
      throw new AdminProblem('not-found', { detail: 'See /openapi.json for what there is here.' })
    const allow = allowed.sort().join(', ')
    throw new AdminProblem(
      'method-not-allowed',
      { detail: `This place takes ${allow} only; see /openapi.json.` },
      { allow },
    )
  })
}

/** A part of a pattern such as `:id` stands for any text. */
function isOfPattern(path: string, pattern: string): boolean {
  const parts = path.split('/')
  const wanted = pattern.split('/')
  return (
    parts.length === wanted.length &&
    wanted.every((part, index) => (part.startsWith(':') ? parts[index] !== '' : part === parts[index]))
  )
}
