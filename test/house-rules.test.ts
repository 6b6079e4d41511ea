import { globSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { errorDefinitions, problemType } from '../gateway/errors.ts'
import {
  brokenFileRules,
  brokenImportRules,
  brokenStepRules,
  documentedErrors,
  importsOf,
} from './support/house-rules.ts'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const files = globSync('{cli,common,gateway,oauth-server,sample-backends,test,bench,docs}/**/*.ts', {
  cwd: root.pathname,
  exclude: ['**/node_modules/**'],
}).map((path) => ({ path, text: read(path) }))

t.test('the house: imports only go down, and no application knows another', (t) => {
  t.ok(files.length > 40, 'the files are found')
  t.strictSame(
    files.flatMap((file) => brokenImportRules(file.path, importsOf(file))),
    [],
  )
  t.end()
})

t.test('the house: names, lengths, exports and who reads the environment', (t) => {
  t.strictSame(files.flatMap(brokenFileRules), [])
  t.end()
})

t.test('the house: the files in steps/ are the calls of the request path', (t) => {
  const stepFiles = readdirSync(new URL('gateway/steps/', root))
  t.strictSame(brokenStepRules(read('gateway/handle-request.ts'), stepFiles), [])
  t.end()
})

t.test('the house: errors.ts and docs/errors.md tell the same errors', (t) => {
  const codes = Object.keys(errorDefinitions) as (keyof typeof errorDefinitions)[]
  const defined = codes.map((code) => ({ code, ...errorDefinitions[code], type: problemType(code) }))
  t.strictSame(documentedErrors(read('docs/errors.md')), defined)
  t.end()
})

t.test('imports are found in every form, and packages left out', (t) => {
  const text = `import { a } from './a.ts'
import type { B } from '../b.ts'
import '../../c/d.ts'
export * from './e.ts'
export {
  f,
} from "./f.ts"
const g = await import('./g.ts')
import t from 'tap'
`
  t.strictSame(importsOf({ path: 'x/y/z.ts', text }), [
    'x/y/a.ts',
    'x/b.ts',
    'c/d.ts',
    'x/y/e.ts',
    'x/y/f.ts',
    'x/y/g.ts',
  ])
  t.end()
})

t.test('an import that breaks a rule is told with the rule', (t) => {
  const violations: readonly (readonly [string, string, RegExp])[] = [
    ['gateway/errors.ts', 'gateway/tokens/a.ts', /never up/],
    ['gateway/tokens/a.ts', 'gateway/steps/b.ts', /never up/],
    ['gateway/steps/a.ts', 'gateway/handle-request.ts', /never up/],
    ['gateway/handle-request.ts', 'gateway/app.ts', /never up/],
    ['gateway/app.ts', 'gateway/main.ts', /never up/],
    ['gateway/exchange.ts', 'gateway/observe/a.ts', /never up/],
    ['gateway/clock.ts', 'gateway/admin/a.ts', /never up/],
    ['gateway/main.ts', 'cli/a.ts', /never up/],
    ['gateway/tokens/a.ts', 'gateway/throttle/b.ts', /never go sideways/],
    ['gateway/observe/a.ts', 'gateway/cache/b.ts', /never go sideways/],
    ['gateway/app.ts', 'gateway/admin/b.ts', /never go sideways/],
    ['gateway/main.ts', 'gateway/helpers/b.ts', /gateway\/helpers\/b\.ts has no floor/],
    ['gateway/utils.ts', 'gateway/errors.ts', /gateway\/utils\.ts has no floor/],
    ['gateway/main.ts', 'oauth-server/main.ts', /meet over HTTP/],
    ['oauth-server/app.ts', 'gateway/errors.ts', /meet over HTTP/],
    ['sample-backends/player/a.ts', 'gateway/errors.ts', /meet over HTTP/],
    ['common/a.ts', 'gateway/errors.ts', /knows no application/],
    ['common/a.ts', 'cli/b.ts', /knows no application/],
    ['gateway/app.ts', 'test/support/a.ts', /imports test\//],
    ['common/a.ts', 'bench/a.ts', /imports bench\//],
    ['cli/a.ts', 'docs/generate.ts', /imports docs\//],
    ['gateway/app.ts', 'gateway/config/load.ts', /the loader/],
    ['gateway/config/reload.ts', 'gateway/config/load.ts', /the loader/],
    ['oauth-server/app.ts', 'oauth-server/config/load.ts', /the loader/],
    ['oauth-server/main.ts', 'gateway/config/load.ts', /the loader/],
    ['oauth-server/store/a.ts', 'oauth-server/tokens/b.ts', /never up/],
    ['oauth-server/grants/a.ts', 'oauth-server/endpoints/b.ts', /never up/],
    ['oauth-server/credentials.ts', 'oauth-server/store/b.ts', /never up/],
    ['oauth-server/clients/a.ts', 'oauth-server/tokens/b.ts', /never go sideways/],
    ['oauth-server/services/a.ts', 'oauth-server/store/b.ts', /has no floor/],
  ]
  for (const [from, to, rule] of violations) t.match(brokenImportRules(from, [to]), [rule], `${from} → ${to}`)
  t.end()
})

t.test('an import that keeps the rules passes', (t) => {
  const allowed: readonly (readonly [string, string])[] = [
    ['gateway/main.ts', 'gateway/admin/a.ts'],
    ['gateway/main.ts', 'gateway/config/load.ts'],
    ['gateway/handle-request.ts', 'gateway/tokens/a.ts'],
    ['gateway/steps/a.ts', 'gateway/steps/b.ts'],
    ['gateway/observe/a.ts', 'gateway/exchange.ts'],
    ['gateway/tokens/a.ts', 'gateway/config/settings.ts'],
    ['gateway/exchange.ts', 'gateway/errors.ts'],
    ['gateway/errors.ts', 'common/a.ts'],
    ['cli/a.ts', 'gateway/config/load.ts'],
    ['cli/a.ts', 'oauth-server/main.ts'],
    ['oauth-server/endpoints/a.ts', 'oauth-server/credentials.ts'],
    ['oauth-server/grants/a.ts', 'oauth-server/store/b.ts'],
    ['oauth-server/config/options.ts', 'oauth-server/credentials.ts'],
    ['test/a.test.ts', 'gateway/config/load.ts'],
    ['docs/generate.ts', 'gateway/config/options.ts'],
  ]
  for (const [from, to] of allowed) t.strictSame(brokenImportRules(from, [to]), [], `${from} → ${to}`)
  t.end()
})

t.test('a file that breaks a rule is told with the rule', (t) => {
  const violations: readonly (readonly [string, string, RegExp])[] = [
    ['gateway/tokenCache.ts', '', /kebab-case/],
    ['gateway/Steps/a.ts', '', /kebab-case/],
    ['gateway/a_b.ts', '', /kebab-case/],
    ['gateway/app.ts', '\n'.repeat(301), /301 lines are more than 300/],
    ['cli/a.ts', 'export default 1', /exports have names/],
    ['cli/a.ts', 'export { a as default }', /exports have names/],
    ['gateway/app.ts', 'const a = process.env.A', /process\.env is read in/],
    ['gateway/tokens/a.ts', "const a = process['env']", /process\.env is read in/],
    ['common/a.ts', "import { env } from 'node:process'", /process\.env is read in/],
    ['common/a.ts', 'const { env } = process', /process\.env is read in/],
  ]
  for (const [path, text, rule] of violations) t.match(brokenFileRules({ path, text }), [rule], path + text)
  t.end()
})

t.test('a file that keeps the rules passes', (t) => {
  const allowed: readonly (readonly [string, string])[] = [
    ['gateway/token-cache.ts', '\n'.repeat(300)],
    ['test/a.test.ts', `process.env${'\n'.repeat(400)}`],
    ['gateway/main.ts', 'process.env'],
    ['cli/a.ts', 'process.env'],
    ['oauth-server/config/load.ts', 'process.env'],
    ['oauth-server/store/0001-first.ts', 'function a(env) {} process.exit(1)'],
  ]
  for (const [path, text] of allowed) t.strictSame(brokenFileRules({ path, text }), [], path)
  t.end()
})

t.test('a step that is not on the path, or a call that is not in its file, is told', (t) => {
  const path = `import { type Caller, checkAccess } from './steps/check-access.ts'
import { matchRoute } from './steps/match-route.ts'
checkAccess(matchRoute())`
  t.strictSame(brokenStepRules(path, ['check-access.ts', 'match-route.ts']), [])
  t.match(brokenStepRules(path, ['check-access.ts', 'match-route.ts', 'log-all.ts']), [
    /steps\/log-all\.ts is no call/,
  ])
  t.match(brokenStepRules(path.replace('match-route.ts', 'router.ts'), ['check-access.ts', 'router.ts']), [
    /matchRoute is in steps\/router\.ts, not in steps\/match-route\.ts/,
  ])
  t.match(brokenStepRules(path.replace('checkAccess(m', '(m'), ['check-access.ts', 'match-route.ts']), [
    /checkAccess is imported and not called/,
    /steps\/check-access\.ts is no call/,
  ])
  t.end()
})

t.test('an error is read from the document with all that must be the same', (t) => {
  const markdown = '### `a-b`\n\n**404 No such thing** · `urn:a`\n\nProse.\n\n- Cure: Look again.\n'
  t.strictSame(documentedErrors(`# Errors\n\n${markdown}`), [
    { code: 'a-b', status: 404, title: 'No such thing', type: 'urn:a', cure: 'Look again.' },
  ])
  t.strictSame(documentedErrors('### `a-b`\n\nProse only.\n'), [])
  t.end()
})
