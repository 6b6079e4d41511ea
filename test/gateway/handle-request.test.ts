import t from 'tap'
import { sendRaw } from '../support/raw-client.ts'
import { readProblem, setScene } from '../support/scene.ts'

t.test(
  'a good token opens the API, and the backend learns the roles, the client and the scope',
  async (t) => {
    const { call, backend } = await setScene(t)
    const response = await call('/api1/programs?page=2', { token: 'good' })
    t.equal(response.status, 200)
    t.equal(await response.text(), '{"ok":true}')
    t.equal(
      response.headers.get('cache-control'),
      'max-age=60, public, s-maxage=60',
      'the backend’s own header stays',
    )
    const [seen] = backend.requests
    t.equal(seen?.url, '/api1/programs?page=2')
    t.match(seen?.headers, { 'x-roles': 'USER', 'x-client-id': 'Tracks', 'x-scope': 'user' })
    t.equal(seen?.headers['x-request-id'], response.headers.get('x-request-id'))
    t.equal(seen?.headers['x-forwarded-for'], '127.0.0.1')
    t.equal(seen?.headers['x-forwarded-proto'], 'http')
    t.notOk(seen?.headers.authorization, 'the token stays with the gateway')
  },
)

t.test('several roles reach the backend sorted, once each, separated by commas', async (t) => {
  const { call, backend, identity } = await setScene(t)
  identity.tokens.set('many', { client: 'Tracks', roles: 'USER, EDITOR,USER' })
  await call('/api1', { token: 'many' })
  t.equal(backend.requests[0]?.headers['x-roles'], 'EDITOR,USER')
})

t.test('the identity headers have the names that the configuration gives them', async (t) => {
  const { call, backend } = await setScene(t, {
    config: { headers: { roles: 'X-ARTE-Roles', client: 'X-Partner', scope: 'X-Rights' } },
  })
  await call('/api1', { token: 'good', headers: { 'x-partner': 'forged', 'x-roles': 'ADMIN' } })
  t.match(backend.requests[0]?.headers, { 'x-arte-roles': 'USER', 'x-partner': 'Tracks', 'x-rights': 'user' })
  t.notOk(backend.requests[0]?.headers['x-roles'], 'the usual name stays guarded, too')
})

t.test('every answer about a known client tells what is left of its quota', async (t) => {
  let nowMs = 1_800_000_000_400
  const { call, identity } = await setScene(t, { clock: () => nowMs })
  identity.tokens.set('small', { client: 'Small', roles: 'USER', rateLimit: 2, rateLimitWindow: 60 })
  const seen = []
  for (let call_ = 0; call_ < 3; call_ += 1) {
    const response = await call('/api1', { token: 'small' })
    const { headers } = response
    seen.push([
      response.status,
      headers.get('x-rate-limit-limit'),
      headers.get('x-rate-limit-remaining'),
      headers.get('x-rate-limit-reset'),
    ])
    nowMs += 10_000
  }
  const reset = '1800000061'
  t.same(seen, [
    [200, '2', '1', reset],
    [200, '2', '0', reset],
    [429, '2', '0', reset],
  ])
})

t.test(
  'over its quota a client gets 429 with Retry-After, and is let in again when the window ends',
  async (t) => {
    let nowMs = 1_800_000_000_000
    const { call, identity, backend } = await setScene(t, { clock: () => nowMs })
    identity.tokens.set('one', { client: 'One', roles: 'USER', rateLimit: 1, rateLimitWindow: 30 })
    await call('/api1', { token: 'one' })
    nowMs += 10_500
    const refused = await call('/api1', { token: 'one' })
    const problem = await readProblem(t, refused)
    t.equal(refused.status, 429)
    t.equal(refused.headers.get('retry-after'), '20')
    t.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded')
    t.same(problem['violated-policies'], ['client'])
    t.equal(backend.requests.length, 1, 'the backend never saw the second')
    nowMs += 19_499
    t.equal((await call('/api1', { token: 'one' })).status, 429, 'a millisecond before the end')
    nowMs += 1
    t.equal((await call('/api1', { token: 'one' })).status, 200, 'at the end')
  },
)

t.test('all tokens of a client share its quota, and a new token does not refill it', async (t) => {
  const { call, identity } = await setScene(t)
  for (const token of ['a', 'b', 'c'])
    identity.tokens.set(token, { client: 'Shared', roles: 'USER', rateLimit: 4 })
  const statuses = []
  for (const token of ['a', 'b', 'a', 'b', 'c', 'a']) statuses.push((await call('/api1', { token })).status)
  t.same(statuses, [200, 200, 200, 200, 429, 429])
})

t.test('a client without a quota of its own has the route’s, on that route alone', async (t) => {
  const { call, identity } = await setScene(t, {
    routes: (to) => ({ '/tight': { to, limit: '1/1h' }, '/loose': { to, limit: '5/1h' }, '/free': { to } }),
  })
  identity.tokens.set('plain', { client: 'Plain' })
  t.equal((await call('/tight', { token: 'plain' })).status, 200)
  t.equal((await call('/tight', { token: 'plain' })).status, 429)
  const loose = await call('/loose', { token: 'plain' })
  t.equal(loose.headers.get('x-rate-limit-remaining'), '4')
  const free = await call('/free', { token: 'plain' })
  t.equal(free.status, 200)
  t.equal(free.headers.get('x-rate-limit-limit'), null, 'nothing is counted, and nothing claimed')
})

t.test('an open route needs no token, counts nothing and tells the backend no identity', async (t) => {
  const { call, backend, identity } = await setScene(t)
  const response = await call('/api2/x?y=1', { headers: { 'X-Roles': 'ADMIN' } })
  t.equal(response.status, 200)
  t.equal(response.headers.get('x-rate-limit-limit'), null)
  t.equal(identity.recorder.requests.length, 0)
  t.equal(backend.requests[0]?.url, '/api2/x?y=1')
  for (const name of ['x-roles', 'x-client-id', 'x-scope']) t.notOk(backend.requests[0]?.headers[name], name)
})

t.test('a token in the URL works where the route allows it, and the backend never sees it', async (t) => {
  const { call, backend } = await setScene(t)
  const first = await call('/api1/a?x=1&access_token=good&y=%20')
  t.equal(first.status, 200)
  t.equal(first.headers.get('referrer-policy'), 'no-referrer', 'no page that this opens tells the URL')
  t.equal((await call('/api1', { token: 'good' })).headers.get('referrer-policy'), null)
  backend.requests.length = 0
  t.equal((await call('/api1/a?x=1&access_token=good&y=%20')).status, 200)
  t.equal((await call('/api1/a?access_token=good')).status, 200)
  t.equal((await call('/api1/a?%61ccess_token=good&z')).status, 200)
  t.same(
    backend.requests.map((request) => request.url),
    ['/api1/a?x=1&y=%20', '/api1/a', '/api1/a?z'],
  )
})

t.test('the scheme is Bearer in any case', async (t) => {
  const { call } = await setScene(t)
  for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) {
    t.equal((await call('/api1', { headers: { authorization: `${scheme} good` } })).status, 200, scheme)
  }
})

t.test('each refusal has its status, its code, its challenge and a cure', async (t) => {
  const { call, backend, identity } = await setScene(t, {
    routes: (to) => ({
      '/api1': { to, roles: ['USER'], queryToken: true },
      '/editors': { to, roles: ['EDITOR', 'ADMIN'] },
      '/scoped': { to, scopes: ['user', 'write'] },
    }),
  })
  identity.tokens.set('expired', { client: 'Old', roles: 'USER', expires: 0 })
  const bearer = (value: string) => ({ headers: { authorization: value } })
  const table: readonly [string, string, RequestInit, number, string, string | null][] = [
    ['no token', '/api1', {}, 401, 'token-missing', 'Bearer realm="passerelle"'],
    ['another scheme', '/api1', bearer('Basic YTpi'), 401, 'token-missing', 'Bearer realm="passerelle"'],
    [
      'unknown token',
      '/api1',
      bearer('Bearer nope'),
      401,
      'token-invalid',
      'Bearer realm="passerelle", error="invalid_token"',
    ],
    [
      'expired token',
      '/api1',
      bearer('Bearer expired'),
      401,
      'token-invalid',
      'Bearer realm="passerelle", error="invalid_token"',
    ],
    [
      'two tokens',
      '/api1?access_token=good',
      bearer('Bearer good'),
      400,
      'token-repeated',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'a token twice in the URL',
      '/api1?access_token=good&access_token=good',
      {},
      400,
      'token-repeated',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'an empty token',
      '/api1',
      bearer('Bearer'),
      400,
      'token-malformed',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'a token with spaces',
      '/api1',
      bearer('Bearer a b'),
      400,
      'token-malformed',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'a token with a NUL in the URL',
      '/api1?access_token=a%00b',
      {},
      400,
      'token-malformed',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'a token of 5,000 characters',
      '/api1',
      bearer(`Bearer ${'x'.repeat(5_000)}`),
      400,
      'token-malformed',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    [
      'a token in the URL where it may not be',
      '/editors?access_token=good',
      {},
      400,
      'query-token-refused',
      'Bearer realm="passerelle", error="invalid_request"',
    ],
    ['a role missing', '/editors', bearer('Bearer good'), 403, 'role-missing', null],
    [
      'a scope missing',
      '/scoped',
      bearer('Bearer good'),
      403,
      'scope-missing',
      'Bearer realm="passerelle", error="insufficient_scope", scope="user write"',
    ],
    ['an unknown path', '/api10', bearer('Bearer good'), 404, 'route-unknown', null],
    ['a path in another case', '/API1', bearer('Bearer good'), 404, 'route-unknown', null],
  ]
  for (const [what, path, init, status, code, challenge] of table) {
    const response = await call(path, init)
    const problem = await readProblem(t, response)
    t.same([response.status, problem.code], [status, code], what)
    t.equal(response.headers.get('www-authenticate'), challenge, `${what}: challenge`)
  }
  t.equal(backend.requests.length, 0, 'no backend saw any of them')
})

t.test('a refusal for a role is not counted, but tells what is left', async (t) => {
  const { call } = await setScene(t, {
    routes: (to) => ({ '/all': { to }, '/editors': { to, roles: ['EDITOR'] } }),
  })
  await call('/all', { token: 'good' })
  const refused = await call('/editors', { token: 'good' })
  t.same([refused.status, refused.headers.get('x-rate-limit-remaining')], [403, '999'])
  t.same((await readProblem(t, refused)).roles, ['EDITOR'])
  t.equal((await call('/all', { token: 'good' })).headers.get('x-rate-limit-remaining'), '998')
})

t.test('what one route accepts is checked again on the next, cached token or not', async (t) => {
  const { call, identity } = await setScene(t, {
    routes: (to) => ({ '/users': { to, roles: ['USER'] }, '/editors': { to, roles: ['EDITOR'] } }),
  })
  for (const [path, status] of [
    ['/users', 200],
    ['/editors', 403],
    ['/users', 200],
    ['/editors', 403],
  ] as const) {
    t.equal((await call(path, { token: 'good' })).status, status, path)
  }
  t.equal(identity.recorder.requests.length, 1, 'and the identity provider was asked once')
})

t.test('the longest prefix wins, and prefixes end at a segment’s end', async (t) => {
  const { call, backend } = await setScene(t, {
    routes: (to) => ({
      '/': { to: `${to}/root`, auth: 'none' },
      '/a': { to: `${to}/one`, auth: 'none' },
      '/a/b': { to: `${to}/two/`, auth: 'none', stripPrefix: true },
    }),
  })
  for (const path of ['/', '/x/y', '/a', '/a/', '/ab', '/a/bc', '/a/b', '/a/b/', '/a/b/c?d=/e/'])
    await call(path)
  t.same(
    backend.requests.map((request) => request.url),
    ['/root/', '/root/x/y', '/one/a', '/one/a/', '/root/ab', '/one/a/bc', '/two/', '/two/', '/two/c?d=/e/'],
  )
})

t.test('the Authorization header reaches a backend only where the route says so', async (t) => {
  const { call, backend } = await setScene(t, {
    routes: (to) => ({
      '/kept': { to, auth: 'none', passAuthorization: true },
      '/taken': { to, auth: 'none' },
    }),
  })
  await call('/kept', { headers: { authorization: 'Basic YTpi' } })
  await call('/taken', { headers: { authorization: 'Basic YTpi' } })
  t.same(
    backend.requests.map((request) => request.headers.authorization),
    ['Basic YTpi', undefined],
  )
})

t.test('a method that has no place behind a gateway is refused by name', async (t) => {
  const { gateway } = await setScene(t)
  for (const method of ['TRACE', 'PROPFIND', 'PURGE', 'CONNECT']) {
    const answer = await sendRaw(
      gateway.url,
      `${method} /api2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    )
    t.equal(answer.status, 405, method)
    t.match(answer.head, /\r\nAllow: GET, HEAD, POST/)
  }
})
