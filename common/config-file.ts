import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { Static, TSchema } from 'typebox'
import { type Document, isPair, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'
import { type ConfigFault, explain, isRecord, Locator } from './config-faults.ts'
import { configFormats } from './config-formats.ts'

export type { ConfigFault }

/** Says that an option at this path breaks a rule: what a check across options reports. */
export interface RuleBroken {
  readonly path: readonly string[]
  readonly rule: string
  /** Whether the option holds a secret, which is not shown. */
  readonly isSecret?: boolean
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
  const refuse = (faults: readonly ConfigFault[]) => {
    if (faults.length > 0) throw new ConfigError(source.fileName, inFileOrder(faults))
  }
  const lineCounter = new LineCounter()
  // Its warnings are faults here, and the one about keys that are no scalars would show the key on standard error.
  const document = parseDocument(source.text, { lineCounter, prettyErrors: false, logLevel: 'error' })
  const locator = new Locator(document, lineCounter, source.text)
  refuse(syntaxFaults([...document.errors, ...document.warnings], locator))

  const unset = replaceEnvironment(document, source.env, locator)
  const config = toPlainData(document, refuse)
  const validate = ajv.compile(fileSchema(rules.schema))
  const faults = validate(config) ? [] : explain(validate.errors ?? [], locator)
  // Where a variable is missing, what its absence does to the option goes without saying.
  const unsetOptions = new Set(unset.map(({ option }) => option))
  refuse([...unset, ...faults.filter(({ option }) => !unsetOptions.has(option))])

  // The schema that was just held is the type's own source.
  const checked = config as Static<S>
  refuse(
    (rules.crossCheck?.(checked) ?? []).map(({ path, rule, isSecret }) =>
      locator.fault(path, rule, isSecret),
    ),
  )
  return checked
}

/** What the YAML parser objects to, each thing once a line, and without the text that it quotes: it may be a secret. */
function syntaxFaults(errors: readonly YAMLError[], locator: Locator): ConfigFault[] {
  const faults = errors.map((error) => ({
    line: locator.line(error.pos[0]),
    option: '',
    value: undefined,
    rule: `is not valid YAML: ${withoutQuotation(error)}`,
  }))
  return [...new Map(faults.map((fault) => [`${fault.line} ${fault.rule}`, fault])).values()]
}

function withoutQuotation({ code, message }: YAMLError): string {
  switch (code) {
    case 'TAG_RESOLVE_FAILED':
      return 'a tag is not known'
    case 'UNEXPECTED_TOKEN':
      return message.replace(/: .*$/s, '')
    case 'BAD_DQ_ESCAPE':
      return 'Invalid escape sequence'
    default:
      return message
  }
}

/** The document as plain objects. Aliases that lead nowhere, or that multiply without bound, are a fault of the file. */
function toPlainData(document: Document, refuse: (faults: readonly ConfigFault[]) => void): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    const rule = 'an alias (*) has no anchor (&) before it, or the aliases stand for too much'
    refuse([{ line: 1, option: '', value: undefined, rule }])
  }
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

function replaceEnvironment(document: Document, env: ConfigSource['env'], locator: Locator): ConfigFault[] {
  const faults: ConfigFault[] = []
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string') return
      node.value = node.value.replace(
        /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g,
        (written, name: string, fallback?: string) => {
          const value = readVariable(env, name, fallback)
          if (value !== undefined) return value
          faults.push({
            line: locator.line(node.range?.[0] ?? 0),
            option: optionPath(ancestors, key),
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

/** As a shell reads it: a default also stands for a variable that is set to nothing. */
function readVariable(env: ConfigSource['env'], name: string, fallback?: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  return fallback === undefined ? value : value || fallback
}

/** The path of the option that a node belongs to: the keys of the pairs around it, and its index in a list. */
function optionPath(ancestors: readonly unknown[], key: unknown): string {
  const keys = ancestors.flatMap((node) =>
    isPair(node) && isScalar(node.key) ? [String(node.key.value)] : [],
  )
  return [...keys, ...(typeof key === 'number' ? [String(key)] : [])].join('.')
}

function inFileOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  return faults.toSorted((left, right) => left.line - right.line)
}

function formatFault(fileName: string, fault: ConfigFault): string {
  const option = fault.option === '' ? '' : ` ${fault.option}:`
  const value = fault.value === undefined ? '' : ` ${fault.value}`
  // A terminal would obey control characters that a name or a value holds.
  return `${fileName}:${fault.line}:${option}${value} ${fault.rule}`.replaceAll(/\p{Cc}/gu, '?')
}

function readText(fileName: string): string {
  try {
    return readFileSync(fileName, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const rule = `the file cannot be read: ${readFailures[code] ?? code}`
    throw new ConfigError(fileName, [{ line: 1, option: '', value: undefined, rule }])
  }
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
}

function hasDefault(schema: unknown): boolean {
  return isRecord(schema) && 'default' in schema
}
