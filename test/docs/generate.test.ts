import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { configFormats } from '../../common/config-formats.ts'
import { fiveLines, generateDocs } from '../../docs/generate.ts'
import { listOptions } from '../../docs/list-options.ts'
import { patterns } from '../../docs/to-editor-schema.ts'
import { parseGatewayConfig } from '../../gateway/config/load.ts'
import { gatewayConfigSchema } from '../../gateway/config/options.ts'
import { formatExamples } from '../support/format-examples.ts'

const docs = generateDocs()

t.test('the generated documents are those that the generator makes now (npm run docs)', (t) => {
  for (const [name, text] of Object.entries(docs)) {
    t.equal(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8'), text, name)
  }
  t.end()
})

t.test('every option has a meaning, and stands in the documents under its path', (t) => {
  const options = listOptions(gatewayConfigSchema)
  t.ok(options.length > 30)
  const paths = options.map(({ path }) => path.join('.'))
  for (const path of ['listen', 'identity.verify.clientSecret', 'timeouts.head', 'routes.PATH.roles']) {
    t.ok(paths.includes(path), path)
  }
  const page = docs['configuration.md'] ?? ''
  for (const { path, meaning } of options) {
    t.not(meaning, '', path.join('.'))
    t.ok(page.includes(meaning.replaceAll('|', '\\|')), path.join('.'))
  }
  t.end()
})

t.test('the example of the documents is a configuration', (t) => {
  t.ok(docs['configuration.md']?.includes(fiveLines))
  t.equal(parseGatewayConfig({ fileName: 'example', text: fiveLines, env: {} }).routes.length, 2)
  t.end()
})

t.test('the schema for editors takes what the gateway takes, and refuses what it refuses', (t) => {
  const validate = new Ajv({ strictTypes: false }).compile(JSON.parse(docs['gateway.schema.json'] ?? ''))
  const accepted = [
    fiveLines,
    `${fiveLines}listen: "\${LISTEN}"\nlogLevel: "\${LEVEL:-info}"\ntimeouts: { head: "\${HEAD:-3s}" }\n`,
    `${fiveLines}timeouts: { identity: 1s }\nheaders: { roles: X-ARTE-Roles }\ntokenCache: { maxTokens: 5 }\n`,
  ]
  for (const text of accepted) t.ok(validate(parse(text)), text)
  const refused = [
    '{}',
    fiveLines.replace('roles:', 'rolls:'),
    fiveLines.replace('http://127.0.0.1:8082', '127.0.0.1:8082'),
    fiveLines.replace('auth: none', 'auth: nobody'),
    fiveLines.replace('/api1', '/api1/'),
    fiveLines.replace('/api1', '/a/../b'),
    `${fiveLines}timeouts: { head: 3 }\n`,
    `${fiveLines}timeouts: { head: 0s }\n`,
    `${fiveLines}listen: 8080\n`,
  ]
  for (const text of refused) t.notOk(validate(parse(text)), text)
  t.end()
})

t.test('no pattern for editors refuses what its format takes', (t) => {
  t.strictSame(Object.keys(patterns).toSorted(), Object.keys(configFormats).toSorted())
  for (const [format, { accepted }] of Object.entries(formatExamples)) {
    for (const text of accepted) t.match(text, new RegExp(patterns[format] ?? '', 'u'), `${format}: ${text}`)
  }
  t.end()
})
