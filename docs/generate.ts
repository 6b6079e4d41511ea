import { writeFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { ConfigError, fileSchema, parseConfig } from '../common/config-file.ts'
import { configFormats } from '../common/config-formats.ts'
import { gatewayConfigSchema } from '../gateway/config/options.ts'
import { oauthServerSchema } from '../oauth-server/config/schema.ts'
import { listOptions, type Option } from './list-options.ts'
import { toEditorSchema } from './to-editor-schema.ts'

/** A kind of configuration file that is documented. */
interface DocumentedConfig {
  /** Names the schema file, `docs/NAME.schema.json`. */
  readonly name: string
  readonly title: string
  readonly schema: TSchema
}

/** Every kind of configuration file: a line each. */
const configs: readonly DocumentedConfig[] = [
  { name: 'gateway', title: 'The gateway', schema: gatewayConfigSchema },
  { name: 'oauth-server', title: 'The oauth-server', schema: oauthServerSchema },
]

/** The shortest useful configuration of a gateway. */
export const fiveLines = `identity: { verify: "http://127.0.0.1:8081/oauth/verifToken" }
routes:
  /api1: { to: "http://127.0.0.1:8082", roles: [USER] }
  /api2: { to: "http://127.0.0.1:8083", auth: none }
`

/** A configuration with faults of several kinds, for the documents to show what is said of them. */
const faulty = `identity: { verify: "127.0.0.1:8081/oauth/verifToken" }
timeouts: { identity: 2 }
routes:
  /api1: { to: "http://\${API_HOST}", role: [USER] }
`

/** Each generated file's text by its name in docs/. */
export function generateDocs(): Readonly<Record<string, string>> {
  const schemas = configs.map(({ name, title, schema }) => [
    `${name}.schema.json`,
    `${JSON.stringify(toEditorSchema(`Passerelle: ${title.toLowerCase()}`, fileSchema(schema)), undefined, 2)}\n`,
  ])
  return { 'configuration.md': configurationPage(), ...Object.fromEntries(schemas) }
}

function configurationPage(): string {
  return `<!-- Made by npm run docs from the schemas in the source: change those instead. -->
# Configuration

A gateway reads one YAML file, once, when it starts. A few lines put one API behind tokens and open another:

\`\`\`yaml
${fiveLines}\`\`\`

\`passerelle check FILE\` reads a file as the gateway would, reports every fault in it, and starts nothing.

## Values from the environment

\`\${NAME}\` in a value stands for the environment variable \`NAME\`; \`\${NAME:-default}\` has a default for when it is not
set or empty. A variable without a default that is not set is a fault. Secrets belong in variables.

The file is parsed first, and variables replaced after: whatever a variable holds stays one text, and cannot add options
or lines. It stays a text: options that are numbers or switches cannot come from a variable. Names of options and paths of
routes are not replaced.

## Faults

All faults are reported together, in the order of the file: line, option, what is written there, and what must hold. Options
are looked at once the file is valid YAML, and rules that span several once each by itself is right. For instance, of

\`\`\`yaml
${faulty}\`\`\`

the gateway says, and does not start:

\`\`\`
${faultsOf(faulty)}
\`\`\`

Secrets, lists, objects and what stands under an unknown name are never shown. Nothing is guessed and no fault is a
warning: an option that is wrong is never replaced by its default.

## In an editor

JSON Schemas give completion and checks in editors: ${configs.map(({ name }) => `[${name}.schema.json](${name}.schema.json)`).join(', ')}.
Where the editor speaks to the YAML language server, the first line of the file names the schema, by a path from the
file or a URL:

\`\`\`yaml
# yaml-language-server: $schema=node_modules/passerelle/docs/gateway.schema.json
\`\`\`

The editor knows each option by itself; rules across options are held by \`passerelle check\`.

${configs.map(configSection).join('\n')}
## How values are written

| Type | A value |
|---|---|
${Object.entries(configFormats)
  .map(([name, { rule }]) => `| ${name} | ${cell(rule)} |`)
  .join('\n')}
`
}

function configSection({ title, schema }: DocumentedConfig): string {
  const options = listOptions(schema)
  const groups = Map.groupBy(options, ({ path }) => (hasGroup(path, options) ? path[0] : ''))
  const sections = [...groups].map(([group, members]) => optionTable(group ?? '', members))
  return `## ${title}\n\n${sections.join('\n')}`
}

/** Whether the option is part of another, or has parts itself. */
function hasGroup([name]: readonly string[], options: readonly Option[]): boolean {
  return options.some(({ path }) => path.length > 1 && path[0] === name)
}

function optionTable(group: string, options: readonly Option[]): string {
  const head = options.find(({ path }) => path.length === 1 && path[0] === group)
  const rows = options
    .filter((option) => option !== head)
    .map(({ path, type, fallback, meaning }) =>
      [`\`${path.join('.')}\``, type, fallback, meaning].map(cell).join(' | '),
    )
  const intro = head === undefined ? '' : `### ${group}\n\n${head.meaning}\n\n`
  return `${intro}| Option | Type | Default | Meaning |\n|---|---|---|---|\n${rows.map((row) => `| ${row} |`).join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function faultsOf(text: string): string {
  try {
    parseConfig({ fileName: 'gateway.yaml', text, env: {} }, { schema: gatewayConfigSchema })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('the faulty example has no fault')
}

// Imported, as the test does, this file writes nothing.
if (import.meta.main) {
  for (const [name, text] of Object.entries(generateDocs()))
    writeFileSync(new URL(name, import.meta.url), text)
}
