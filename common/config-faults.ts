import type { ErrorObject } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { type Document, isNode, isScalar, type LineCounter } from 'yaml'
import { configFormats } from './config-formats.ts'

/** One thing that is wrong in a configuration file. */
export interface ConfigFault {
  /** Line in the file, from 1. */
  readonly line: number
  /** The option's path in the file, such as `routes./api1.to`; empty for the file as a whole. */
  readonly option: string
  /** What the file says there, as it is written; `undefined` when nothing single is written or it may be a secret. */
  readonly value: string | undefined
  /** What must hold instead. */
  readonly rule: string
}

/** Finds places of a parsed YAML document in its text. */
export class Locator {
  readonly #document: Document
  readonly #lineCounter: LineCounter
  readonly #text: string

  constructor(document: Document, lineCounter: LineCounter, text: string) {
    this.#document = document
    this.#lineCounter = lineCounter
    this.#text = text
  }

  /**
   * A fault at the option with this path, or at the nearest option around it that is written. A list or an object is
   * never shown: a secret may be inside.
   */
  fault(path: readonly string[], rule: string, isSecret = false): ConfigFault {
    const node = this.#nodeAt(path)
    const range = rangeOf(node)
    const isShown = range !== undefined && isScalar(node) && !isSecret
    return {
      line: this.line(range?.[0] ?? this.#offsetAround(path)),
      option: path.join('.'),
      value: isShown ? shorten(this.#text.slice(range[0], range[1])) : undefined,
      rule,
    }
  }

  line(offset: number): number {
    return this.#lineCounter.linePos(offset).line
  }

  #nodeAt(path: readonly string[]): unknown {
    return path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)
  }

  #offsetAround(path: readonly string[]): number {
    for (let length = path.length - 1; length >= 0; length -= 1) {
      const range = rangeOf(this.#nodeAt(path.slice(0, length)))
      if (range !== undefined) return range[0]
    }
    return 0
  }
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  return isNode(node) && node.range ? [node.range[0], node.range[1]] : undefined
}

/** On one line, cut to its beginning, and without the user, password and query that a URL may hold. */
function shorten(text: string): string {
  const line = text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/:\S*@/g, ':…@')
    .replaceAll(/(:\/\/[^?\s]*\?)\S+/g, '$1…')
  return line.length <= 80 ? line : `${line.slice(0, 77)}...`
}

/** Turns the validator's errors into faults; of a union, only the errors of the branch that was meant. */
export function explain(errors: readonly ErrorObject[], locator: Locator): ConfigFault[] {
  const unions = errors.filter((error) => error.keyword === 'anyOf')
  return errors.filter((error) => !isNoise(error, errors, unions)).map((error) => explainOne(error, locator))
}

/** Whether the error is told better by another: a union's branch of another type, or what stands around a telling one. */
function isNoise(
  error: ErrorObject,
  errors: readonly ErrorObject[],
  unions: readonly ErrorObject[],
): boolean {
  const union = unions.find(
    (candidate) => candidate !== error && error.schemaPath.startsWith(`${candidate.schemaPath}/`),
  )
  if (union !== undefined) return error.keyword === 'type' && error.instancePath === union.instancePath
  if (error.keyword === 'propertyNames') return true
  if (error.keyword !== 'anyOf') return false
  return errors.some(
    (other) =>
      other.schemaPath.startsWith(`${error.schemaPath}/`) &&
      !(other.keyword === 'type' && other.instancePath === error.instancePath),
  )
}

function explainOne(error: ErrorObject, locator: Locator): ConfigFault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownOption(error, path, locator)
    case 'required':
      return locator.fault([...path, String(error.params.missingProperty)], 'is required')
    default:
      // A rule on the name of an option stands with its owner; the fault is the named option's.
      return error.propertyName === undefined
        ? locator.fault(path, ruleOf(error), holdsSecret(error.parentSchema))
        : locator.fault([...path, error.propertyName], `its name ${ruleOf(error)}`, true)
  }
}

/** What the schema asks for, as a sentence's end after the option's name. */
function ruleOf(error: ErrorObject): string {
  const { limit } = error.params
  switch (error.keyword) {
    case 'type':
      return formatRule(error.parentSchema?.format) ?? `must be ${typeNames[String(error.params.type)]}`
    case 'format':
      return formatRule(error.params.format) ?? String(error.message)
    case 'enum':
      return `must be one of ${error.params.allowedValues.join(', ')}`
    case 'anyOf':
      return `must be ${branchTypes(error)}`
    case 'minimum':
      return `must be at least ${limit}`
    case 'maximum':
      return `must be at most ${limit}`
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`
    case 'maxLength':
      return `must have at most ${limit} characters`
    case 'minItems':
    case 'minProperties':
      return `must have at least ${limit} ${limit === 1 ? 'entry' : 'entries'}`
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${limit} entries`
    default:
      return error.message ?? 'is not allowed'
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
}

function formatRule(format: unknown): string | undefined {
  return configFormats[String(format)]?.rule
}

function branchTypes(error: ErrorObject): string {
  const branches: unknown[] = Array.isArray(error.schema) ? error.schema : []
  const types = branches.map((branch) => typeNames[isRecord(branch) ? String(branch.type) : ''])
  return types.map((type) => type ?? 'another value').join(' or ')
}

/** Whether the schema is a secret's, or that of an object with one: a secret may be written in the object's place. */
function holdsSecret(schema: unknown): boolean {
  if (!isRecord(schema)) return false
  if (schema.secret === true) return true
  return isRecord(schema.properties) && Object.values(schema.properties).some(holdsSecret)
}

function unknownOption(error: ErrorObject, path: readonly string[], locator: Locator): ConfigFault {
  const name = String(error.params.additionalProperty)
  const known = Object.keys(isRecord(error.parentSchema?.properties) ? error.parentSchema.properties : {})
  const nearest = known.length === 0 ? undefined : closest(name, known)
  const isNear = nearest !== undefined && distance(name, nearest) <= Math.max(2, name.length / 3)
  const cure = isNear ? `did you mean ${nearest}?` : `the options here are ${known.join(', ')}`
  // What is written under an unknown name may be a misspelt secret: it is never shown.
  return locator.fault([...path, name], `is not an option; ${cure}`, true)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
