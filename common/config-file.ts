import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import type { Static, TSchema } from 'typebox'
import { type Document, isNode, LineCounter, parseDocument, visit } from 'yaml'
import { configFormats } from './config-formats.ts'

/** One thing that is wrong in a configuration file. */
export interface ConfigFault {
  /** Line in the file, from 1. */
  readonly line: number
  /** The option's path in the file, such as `routes./api1.to`; empty for the file as a whole. */
  readonly option: string
  /** What the file says there, as it is written; `undefined` when nothing is written or it is a secret. */
  readonly value: string | undefined
  /** What must hold instead. */
  readonly rule: string
}

/** Says that an option at this path breaks a rule: what a check across options reports. */
export interface RuleBroken {
  readonly path: readonly string[]
  readonly rule: string
}

/** A configuration file that cannot be used, with every fault that it has. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  constructor(fileName: string, faults: readonly ConfigFault[]) {
    super(faults.map((fault) => formatFault(fileName, fault)).join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** How a kind of configuration file is read. */
export interface ConfigFormatRules<S extends TSchema> {
  readonly schema: S
  /** Rules that span several options; called only when each option by itself is right. It changes nothing. */
  readonly crossCheck?: (config: Static<S>) => readonly RuleBroken[]
}

/** A configuration file's text, with what it is read against. */
export interface ConfigSource {
  readonly fileName: string
  readonly text: string
  /** Where `${NAME}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Reads a configuration file from disk and parses it. Throws {@link ConfigError} with every fault. */
export function readConfigFile<S extends TSchema>(
  fileName: string,
  env: ConfigSource['env'],
  rules: ConfigFormatRules<S>,
): Static<S> {
  return parseConfig({ fileName, text: readText(fileName), env }, rules)
}

/**
 * Parses a configuration: YAML, `${NAME}` and `${NAME:-default}` replaced from the environment inside values, each
 * option checked against the schema, defaults filled in, then the rules across options. Throws {@link ConfigError}
 * with every fault at once.
 */
export function parseConfig<S extends TSchema>(source: ConfigSource, rules: ConfigFormatRules<S>): Static<S> {
  const lineCounter = new LineCounter()
  const document = parseDocument(source.text, { lineCounter, prettyErrors: false, version: '1.2' })
  const locator = new Locator(document, lineCounter, source.text)
  const syntaxFaults = [...document.errors, ...document.warnings].map((error) => ({
    line: lineCounter.linePos(error.pos[0]).line,
    option: '',
    value: undefined,
    rule: `is not valid YAML: ${error.message}`,
  }))
  if (syntaxFaults.length > 0) throw new ConfigError(source.fileName, syntaxFaults)

  const unset = replaceEnvironment(document, source.env, locator)
  const config: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  const validate = ajv.compile(fileSchema(rules.schema))
  const faults = validate(config) ? [] : explain(validate.errors ?? [], locator)
  if (unset.length + faults.length > 0)
    throw new ConfigError(source.fileName, inFileOrder([...unset, ...faults]))

  // The schema that was just held is the type's own source.
  const checked = config as Static<S>
  const broken = (rules.crossCheck?.(checked) ?? []).map(({ path, rule }) => locator.fault(path, rule, false))
  if (broken.length > 0) throw new ConfigError(source.fileName, inFileOrder(broken))
  return checked
}

/**
 * The JSON Schema of the file as people write it: as the given schema, except that an option with a default need not be
 * written.
 */
export function fileSchema(schema: TSchema): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema), (_key, node: unknown) => {
    if (!isRecord(node) || !isRecord(node.properties) || !Array.isArray(node.required)) return node
    const properties = node.properties
    node.required = node.required.filter((name: string) => !hasDefault(properties[name]))
    return node
  }) as Record<string, unknown>
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  useDefaults: true,
  // A type may be spelt out in a union's branches: the union stands where the type would.
  strictTypes: false,
  keywords: ['secret', 'danger', 'unit'],
  formats: Object.fromEntries(Object.entries(configFormats).map(([name, format]) => [name, format.accepts])),
})

/** Finds places of a parsed YAML document in its text. */
class Locator {
  readonly #document: Document
  readonly #lineCounter: LineCounter
  readonly #text: string

  constructor(document: Document, lineCounter: LineCounter, text: string) {
    this.#document = document
    this.#lineCounter = lineCounter
    this.#text = text
  }

  /** A fault at the option with this path, or at the nearest option around it that is written. */
  fault(path: readonly string[], rule: string, isSecret: boolean): ConfigFault {
    const range = this.#rangeOf(path)
    return {
      line: this.line(range?.[0] ?? this.#rangeAround(path)),
      option: path.join('.'),
      value: range === undefined || isSecret ? undefined : shorten(this.#text.slice(range[0], range[1])),
      rule,
    }
  }

  line(offset: number): number {
    return this.#lineCounter.linePos(offset).line
  }

  #rangeOf(path: readonly string[]): readonly [number, number] | undefined {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)
    return isNode(node) && node.range ? [node.range[0], node.range[1]] : undefined
  }

  #rangeAround(path: readonly string[]): number {
    for (let length = path.length - 1; length >= 0; length -= 1) {
      const range = this.#rangeOf(path.slice(0, length))
      if (range !== undefined) return range[0]
    }
    return 0
  }
}

function replaceEnvironment(document: Document, env: ConfigSource['env'], locator: Locator): ConfigFault[] {
  const faults: ConfigFault[] = []
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return
      node.value = node.value.replace(
        /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g,
        (written, name: string, fallback?: string) => {
          const value = env[name] ?? fallback
          if (value !== undefined) return value
          faults.push({
            line: locator.line(node.range?.[0] ?? 0),
            option: '',
            value: written,
            rule: `the environment variable ${name} is not set: set it, or write a default as \${${name}:-value}`,
          })
          return ''
        },
      )
    },
  })
  return faults
}

/** Turns the validator's errors into faults; of a union, only the errors of the branch that was meant. */
function explain(errors: readonly ErrorObject[], locator: Locator): ConfigFault[] {
  const unions = errors.filter((error) => error.keyword === 'anyOf')
  return errors.filter((error) => !isNoise(error, errors, unions)).map((error) => explainOne(error, locator))
}

/** Whether the error is told better by another: a union's branch of another type, or the union around a telling branch. */
function isNoise(
  error: ErrorObject,
  errors: readonly ErrorObject[],
  unions: readonly ErrorObject[],
): boolean {
  const union = unions.find(
    (candidate) => candidate !== error && error.schemaPath.startsWith(`${candidate.schemaPath}/`),
  )
  if (union !== undefined) return error.keyword === 'type' && error.instancePath === union.instancePath
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
  const isSecret = isRecord(error.parentSchema) && error.parentSchema.secret === true
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownOption(error, path, locator)
    case 'required':
      return locator.fault([...path, String(error.params.missingProperty)], 'is required', isSecret)
    case 'format':
      return locator.fault(
        path,
        configFormats[String(error.params.format)]?.rule ?? String(error.message),
        isSecret,
      )
    case 'enum':
      return locator.fault(path, `must be one of ${error.params.allowedValues.join(', ')}`, isSecret)
    case 'anyOf':
      return locator.fault(path, `must be ${branchTypes(error)}`, isSecret)
    default:
      return locator.fault(path, error.message ?? 'is not allowed', isSecret)
  }
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

function branchTypes(error: ErrorObject): string {
  const branches: unknown[] = Array.isArray(error.schema) ? error.schema : []
  const types = branches.map((branch) => (isRecord(branch) ? String(branch.type) : 'another value'))
  return `${types.map((type) => (type === 'object' ? 'an object' : `a ${type}`)).join(' or ')}`
}

function inFileOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  return faults.toSorted((left, right) => left.line - right.line)
}

function formatFault(fileName: string, fault: ConfigFault): string {
  const option = fault.option === '' ? '' : ` ${fault.option}:`
  const value = fault.value === undefined ? '' : ` ${fault.value}`
  return `${fileName}:${fault.line}:${option}${value} ${fault.rule}`
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= 80 ? line : `${line.slice(0, 77)}...`
}

function readText(fileName: string): string {
  try {
    return readFileSync(fileName, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new ConfigError(fileName, [
      { line: 1, option: '', value: undefined, rule: `the file cannot be read (${reason})` },
    ])
  }
}

function hasDefault(schema: unknown): boolean {
  return isRecord(schema) && 'default' in schema
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
