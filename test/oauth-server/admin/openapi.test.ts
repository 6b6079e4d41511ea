import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import t from 'tap'
import { createAdminApp } from '../../../oauth-server/admin/app.ts'
import { problemDefinitions } from '../../../oauth-server/admin/problems.ts'
import { defaultOAuthServerSettings } from '../../../oauth-server/config/settings.ts'
import { createServices } from '../../../oauth-server/services.ts'
import { createAdmin } from '../../support/admin-client.ts'
import { captureLog } from '../../support/captured-log.ts'
import { startTestServer } from '../../support/oauth-server.ts'

/** The parts of the description that the tests look into. */
interface Description {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, MediaType>> }>>
}

interface MediaType {
  readonly schema: { readonly properties: object }
}

t.test('the description is OpenAPI 3.1, and every route is in it with its answers', async (t) => {
  const server = await startTestServer(t)
  const document = (await (await fetch(`${server.adminUrl}/openapi.json`)).json()) as Description
  t.match(await new Validator().validate({ ...document }), { valid: true })
  t.match(document, { openapi: '3.1.0' })
  const { log } = captureLog()
  const settings = defaultOAuthServerSettings({ database: server.database.url })
  const { admin } = createServices({ settings, db: server.db, now: Date.now, log, url: () => server.url })
  const app = await createAdminApp(admin, log)
  await app.ready()
  const routes = app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .filter((line) => line.includes('('))
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )
  const methods = routes.flatMap((line) => /\(([^)]*)\)/.exec(line)?.[1]?.split(', ') ?? [])
  t.ok(methods.length > 35, 'the routes are found')
  t.equal(described.length, methods.length, 'as many operations as routes')
  for (const { path, method, operation } of described) {
    t.ok(operation.summary, `${method} ${path} says what it does`)
    t.ok('4XX' in operation.responses, `${method} ${path} says how it refuses`)
  }
  await app.close()
})

t.test('answers are what the description says they are', async (t) => {
  const server = await startTestServer(t)
  const { call, id } = await createAdmin(server)
  const document = (await (await fetch(`${server.adminUrl}/openapi.json`)).json()) as Description
  const ajv = new Ajv({ strict: false, validateFormats: false })
  await call('POST /roles', { name: 'USER' })
  await call('POST /plans', { id: 'gold', name: 'Gold', rate_limit: 5, rate_limit_window: 60 })
  const { body: user } = await call('POST /users', { username: 'ann' })
  const looks: readonly (readonly [path: string, described: string])[] = [
    ['/clients', '/clients'],
    [`/clients/${id}`, '/clients/{id}'],
    [`/clients/${id}/secrets`, '/clients/{id}/secrets'],
    [`/clients/${id}/tokens`, '/clients/{id}/tokens'],
    ['/users', '/users'],
    [`/users/${user.id}`, '/users/{id}'],
    ['/roles/USER', '/roles/{id}'],
    ['/plans/gold', '/plans/{id}'],
    ['/audit', '/audit'],
  ]
  for (const [path, described] of looks) {
    const { status, body } = await call(`GET ${path}`)
    t.equal(status, 200, path)
    const schema = document.paths[described]?.get?.responses['200']?.content?.['application/json']
      ?.schema ?? {
      properties: {},
    }
    t.ok(ajv.validate(schema, body), `${path}: ${ajv.errorsText()}`)
    const unknown = Object.keys(body).filter((member) => !(member in schema.properties))
    t.strictSame(unknown, [], `${path} answers nothing that is not described`)
  }
})

t.test('a pattern is also said in words, which a refusal repeats', async (t) => {
  const server = await startTestServer(t)
  const patterns: string[] = []
  const text = await (await fetch(`${server.adminUrl}/openapi.json`)).text()
  JSON.parse(text, (_key, value) => {
    if (typeof value?.pattern !== 'string') return value
    patterns.push(value.pattern)
    t.match(value['x-rule'], /^must /, value.pattern)
    return value
  })
  t.ok(patterns.length >= 9, 'they are found')
})

t.test('every status of a problem is one of HTTP', (t) => {
  for (const [code, { status, title }] of Object.entries(problemDefinitions))
    t.ok(status >= 400 && status < 600 && title.length > 0, code)
  t.end()
})
