import { Ajv, type ErrorObject } from 'ajv'
import type { FastifyInstance } from 'fastify'
import { AdminProblem } from './problems.ts'

/** Members whose values no answer repeats. */
const secretMembers = new Set(['password', 'password_hash'])

const strict = { allErrors: false, strict: false, verbose: true } as const
const bodies = new Ajv(strict)
/** What comes in a URL is text, and becomes what it says. */
const parameters = new Ajv({ ...strict, coerceTypes: true, useDefaults: true })

/** What a schema's `pattern` asks for, in words: people read it in the description, and where they have broken it. */
interface PatternInWords {
  readonly pattern: string
  readonly 'x-rule': string
}

/** Any text but what Postgres refuses by an error. */
export const withoutNul: PatternInWords = {
  pattern: '^[^\\u0000]*$',
  'x-rule': 'must have no NUL character',
}

/** Has requests held against the routes' schemas; what breaks a rule is named with its value and the rule. */
export function validateBySchemas(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const validate = (httpPart === 'body' ? bodies : parameters).compile(schema as object)
    return (data: unknown) => {
      if (validate(data)) return { value: data }
      const [error] = validate.errors ?? []
      return { error: error === undefined ? new Error('invalid') : problemOf(error) }
    }
  })
  // The schemas of answers are for the documents, and tests hold answers against them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
}

function problemOf(error: ErrorObject): AdminProblem {
  const path = error.instancePath.split('/').slice(1)
  const missing = error.params.missingProperty as string | undefined
  const unknown = error.params.additionalProperty as string | undefined
  const named = missing ?? unknown
  const member = [...path, ...(named === undefined ? [] : [named])].join('.') || 'body'
  const rule = ruleOf(error)
  const value = named === undefined && !secretMembers.has(path[0] ?? '') ? shown(error.data) : undefined
  return new AdminProblem('member-invalid', {
    detail: `${member}${value === undefined ? '' : ` ${value}`} ${rule}`.slice(0, 500),
    member: member.slice(0, 100),
    value,
    rule,
  })
}

function ruleOf({ keyword, params, message = 'is not right', parentSchema }: ErrorObject): string {
  if (keyword === 'required') return 'is missing'
  if (keyword === 'additionalProperties') {
    const known = Object.keys((parentSchema?.properties as object | undefined) ?? {})
    return `is not known; what can be given is ${known.join(', ') || 'nothing'}`
  }
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
  if (keyword === 'pattern') return (parentSchema as PatternInWords)['x-rule']
  return message
}

function shown(value: unknown): string | undefined {
  const text = JSON.stringify(value)
  return text === undefined || text.length > 200 ? undefined : text
}
