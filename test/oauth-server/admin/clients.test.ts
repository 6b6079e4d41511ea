import fc from 'fast-check'
import t from 'tap'
import { mergePatch } from '../../../oauth-server/admin/merge-patch.ts'
import { createAdmin } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startTestServer } from '../../support/oauth-server.ts'

t.test(
  'a client is changed by a merge patch: what is null is as for any new client, the rest stays',
  async (t) => {
    const server = await startTestServer(t)
    const { call } = await createAdmin(server)
    const wanted = {
      name: 'App',
      scopes: ['films', 'user'],
      redirect_uris: ['https://app.example.org/done'],
      grant_types: ['authorization_code', 'refresh_token'],
      access_token_lifetime: 60,
      jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] },
      auth_method: 'private_key_jwt',
    }
    const made = await call('POST /clients', wanted)
    t.match(made, { status: 201, body: wanted })
    t.notOk('client_secret' in made.body, 'it authenticates by its key')
    t.equal(made.headers.get('location'), `/clients/${made.body.client_id}`)
    const patch = { name: 'Renamed', scopes: null, access_token_lifetime: null, auth_method: null }
    const type = { 'content-type': 'application/merge-patch+json' }
    const changed = await call(`PATCH /clients/${made.body.client_id}`, patch, type)
    t.match(changed, {
      status: 200,
      body: {
        ...wanted,
        name: 'Renamed',
        scopes: ['user'],
        access_token_lifetime: null,
        auth_method: 'client_secret',
      },
    })
  },
)

t.test('of two who change what they have read the second is refused', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  const { body, headers } = await call('POST /clients', { name: 'App' })
  const etag = headers.get('etag') ?? ''
  const route = `PATCH /clients/${body.client_id}`
  const first = await call(route, { name: 'One' }, { 'if-match': etag })
  t.equal(first.status, 200)
  t.not(first.headers.get('etag'), etag)
  t.match(await call(route, { name: 'Two' }, { 'if-match': etag }), {
    status: 412,
    body: { type: 'urn:passerelle:admin:error:changed-meanwhile' },
  })
  t.equal(
    (await call(route, { name: 'Three' }, { 'if-match': `"x", ${first.headers.get('etag')}` })).status,
    200,
  )
  t.equal((await call(route, { name: 'Four' })).status, 200, 'who does not ask is not held to it')
})

for (const kind of await databaseKinds())
  t.test(
    `of many who change at once what they have read one does, on ${kind.name}`,
    kind.options,
    async (t) => {
      const server = await startTestServer(t, {}, kind.create)
      const { call } = await createAdmin(server)
      const things: readonly (readonly [list: string, made: object, member: string])[] = [
        ['/clients', { name: 'App' }, 'name'],
        ['/users', { username: 'ann' }, 'display_name'],
        ['/plans', { id: 'gold', name: 'Gold', rate_limit: 5, rate_limit_window: 60 }, 'name'],
      ]
      for (const [list, wanted, member] of things) {
        const made = await call(`POST ${list}`, wanted)
        const route = `PATCH ${made.headers.get('location')}`
        const read = { 'if-match': made.headers.get('etag') ?? '' }
        const rivals = ['One', 'Two', 'Three', 'Four', 'Five']
        const answers = await Promise.all(rivals.map((name) => call(route, { [member]: name }, read)))
        t.strictSame(answers.map(({ status }) => status).sort(), [200, 412, 412, 412, 412], list)
        t.match(
          answers.find(({ status }) => status === 412)?.body,
          { type: 'urn:passerelle:admin:error:changed-meanwhile' },
          list,
        )
        const winner = answers.find(({ status }) => status === 200)
        t.strictSame((await call(route.replace('PATCH', 'GET'))).body, winner?.body)
        const again = await call(
          route,
          { [member]: 'Again' },
          { 'if-match': winner?.headers.get('etag') ?? '' },
        )
        t.equal(again.status, 200, list)
        t.equal((await call(route, { [member]: 'More' })).status, 200, 'who does not ask is not held to it')
      }
    },
  )

t.test('what breaks a rule is told with member, value and rule, and never a 500', async (t) => {
  const server = await startTestServer(t)
  const { call, id } = await createAdmin(server)
  const bad: readonly (readonly [route: string, body: unknown, member: string, rule: RegExp])[] = [
    ['POST /clients', {}, 'name', /is missing/],
    ['POST /clients', { name: 'x', foo: 1 }, 'foo', /is not known; what can be given is name, roles/],
    ['POST /clients', { name: 'x', grant_types: ['password'] }, 'grant_types.0', /must be one of client_cr/],
    ['POST /clients', { name: 'x', roles: 'USER' }, 'roles', /must be array/],
    ['POST /clients', { name: 'x', rate_limit: 0 }, 'rate_limit', /at least 1 request/],
    ['POST /clients', { name: 'x', rate_limit: 1e300 }, 'rate_limit', /at least 1 request/],
    ['POST /clients', { name: 'x', plan: 'gold' }, 'plan', /is not known/],
    ['POST /clients', { name: 'x', plan: '\0' }, 'plan', /is not known/],
    ['POST /clients', { name: 'x', access_token_lifetime: 0 }, 'access_token_lifetime', /from 1s/],
    ['POST /clients', { name: 'x', redirect_uris: ['javascript:1'] }, 'redirect_uris', /absolute URI/],
    [`PATCH /clients/${id}`, { name: null }, 'name', /must be string/],
    [`PATCH /clients/${id}`, { client_id: 'other' }, 'client_id', /is not known/],
    [`POST /clients/${id}/secrets`, { expires_in: 0 }, 'expires_in', /must be >= 1/],
    ['GET /clients?limit=201', undefined, 'limit', /must be <= 200/],
    ['GET /clients?limit=x', undefined, 'limit', /must be integer/],
    ['GET /clients?cursor=x', undefined, 'cursor', /next_cursor of the page before/],
    ['GET /clients?cursor=WyJcdTAwMDAiXQ', undefined, 'cursor', /next_cursor/],
    ['GET /clients?role=%00', undefined, 'role', /^must be 1 to 64 letters, digits or the signs/],
    ['GET /clients?name=%00', undefined, 'name', /^must have no NUL character$/],
    ['GET /clients?plan=GOLD', undefined, 'plan', /^must be 1 to 64 small letters, digits or hyphens$/],
    ['GET /users?username=%00', undefined, 'username', /^must have no NUL character$/],
    ['GET /audit?actor=%00', undefined, 'actor', /^must have no NUL character$/],
    ['GET /clients?nme=x', undefined, 'nme', /is not known; what can be given is limit, cursor, id, name/],
    ['GET /audit?since=yesterday', undefined, 'since', /RFC 3339/],
    ['POST /users', { username: 'a b' }, 'username', /./],
    ['POST /users', { username: 'ab', password: 'sentinel'.slice(0, 4) }, 'password', /./],
    ['POST /users', { username: 'ab', password: 7 }, 'password', /must be string/],
    ['POST /roles', { name: 'a b' }, 'name', /1 to 64 letters/],
    ['POST /plans', { id: 'A', name: 'x', rate_limit: 1, rate_limit_window: 1 }, 'id', /small letters/],
  ]
  for (const [route, body, member, rule] of bad) {
    const answer = await call(route, body)
    const name = `${route} ${JSON.stringify(body)}`
    t.match(answer, { status: 400, body: { status: 400, title: String, detail: String, member } }, name)
    t.match(answer.body.rule ?? answer.body.detail, rule, name)
    t.notMatch(JSON.stringify(answer.body), /sent"/, 'a password is not repeated')
  }
  for (const route of [
    'GET /clients/nobody',
    'DELETE /clients/%00',
    'PATCH /users/nobody',
    'GET /roles/%00',
  ]) {
    const { status, body } = await call(route, route.startsWith('PATCH') ? { username: 'x' } : undefined)
    t.match({ status, body }, { status: 404, body: { type: 'urn:passerelle:admin:error:not-found' } }, route)
  }
  t.equal((await call('POST /clients', '{"name":')).status, 400)
  t.equal((await call('POST /clients', JSON.stringify({ name: 'x'.repeat(300_000) }))).status, 413)
  t.equal((await call('POST /clients', 'name=x', { 'content-type': 'text/plain' })).status, 415)
})

t.test('whatever is sent, no answer is a 500', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  const members = fc.constantFrom(
    'name',
    'roles',
    'scopes',
    'rate_limit',
    'plan',
    'jwks',
    'redirect_uris',
    'x',
  )
  const routes = fc.constantFrom('POST /clients', 'POST /users', 'POST /plans', 'POST /roles')
  await fc.assert(
    fc.asyncProperty(routes, fc.dictionary(members, fc.jsonValue({ maxDepth: 2 })), async (route, body) => {
      const { status } = await call(route, { name: 'x', username: 'x', id: 'x', ...body })
      t.ok(status < 500, `${status} for ${JSON.stringify(body)}`)
    }),
    { numRuns: 150 },
  )
})

t.test('RFC 7396: the examples of its appendix A', (t) => {
  const examples: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of examples) t.strictSame(mergePatch(target, patch), result)
  const hostile = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}')) as { x?: number }
  t.equal(hostile.x, undefined)
  t.end()
})
