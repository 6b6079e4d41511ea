import t from 'tap'
import { sendJson } from '../support/identity-stub.ts'
import { readProblem, setScene } from '../support/scene.ts'

const startMs = 1_800_000_000_000

t.test('a token’s holder is told what the gateway knows of it', async (t) => {
  const { call, identity, backend } = await setScene(t, { clock: () => startMs })
  identity.tokens.set('full', {
    client: 'Full',
    roles: 'USER,EDITOR',
    scope: 'a b',
    rateLimit: 9,
    expires: 60,
  })
  const response = await call('/.passerelle/me', { token: 'full' })
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'application/json')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.match(response.headers.get('x-request-id'), /./)
  t.same(await response.json(), {
    client: 'Full',
    roles: ['EDITOR', 'USER'],
    scopes: ['a', 'b'],
    expires_at: '2027-01-15T08:01:00.000Z',
    quota: [{ policy: 'client', limit: 9, window: 3_600, remaining: 9, reset: startMs / 1_000 + 3_600 }],
  })
  t.equal(backend.requests.length, 0)
})

t.test('to ask costs nothing, and the answer is what is left', async (t) => {
  const { call, identity } = await setScene(t)
  identity.tokens.set('small', { client: 'Small', roles: 'USER', rateLimit: 2 })
  const left = async () => {
    const { quota } = (await (await call('/.passerelle/me', { token: 'small' })).json()) as {
      quota: { remaining: number }[]
    }
    return quota.map(({ remaining }) => remaining)
  }
  for (const remaining of [2, 1, 0, 0]) {
    for (let i = 0; i < 5; i += 1) t.same(await left(), [remaining])
    await call('/api1', { token: 'small' })
  }
})

t.test('asked about a route, it tells that route’s limits too, but not those in shadow', async (t) => {
  const { call, identity } = await setScene(t, {
    routes: (to) => ({
      '/a': {
        to,
        limit: [
          { quota: '5/1m', applies: 'without-own-quota' },
          { quota: '1/1s', mode: 'shadow' },
          { quota: '30/1m', algorithm: 'gcra', burst: 10 },
        ],
      },
      '/open': { to, auth: 'none' },
    }),
  })
  identity.tokens.set('plain', { client: 'Plain' })
  await call('/a/x', { token: 'plain' })
  const ask = async (query: string, token: string) => {
    const { quota } = (await (await call(`/.passerelle/me${query}`, { token })).json()) as {
      quota: { policy: string; remaining: number; window: number }[]
    }
    return quota.map(({ policy, remaining, window }) => [policy, remaining, window])
  }
  t.same(await ask('?route=/a/deep/path&x=1', 'plain'), [
    ['/a', 4, 60],
    ['/a#3', 9, 20],
  ])
  t.same(await ask('?route=%2Fa', 'good'), [
    ['client', 1_000, 3_600],
    ['/a#3', 10, 20],
  ])
  t.same(await ask('', 'plain'), [], 'without a quota of its own there is nothing to tell')
  for (const route of ['/nowhere', '', 'a', '/open', '%00', '__proto__']) {
    const refused = await call(`/.passerelle/me?route=${route}`, { token: 'plain' })
    t.equal((await readProblem(t, refused)).code, 'route-unknown', route)
  }
})

t.test('it takes a token, by the header alone, and GET or HEAD', async (t) => {
  const { call, identity } = await setScene(t)
  const codeOf = async (path: string, options = {}) => {
    const response = await call(path, options)
    return [response.status, (await readProblem(t, response)).code, response.headers.get('allow')]
  }
  t.same(await codeOf('/.passerelle/me'), [401, 'token-missing', null])
  t.same(await codeOf('/.passerelle/me', { token: 'nope' }), [401, 'token-invalid', null])
  t.same(await codeOf('/.passerelle/me?access_token=good'), [400, 'query-token-refused', null])
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
    t.same(await codeOf('/.passerelle/me', { method, token: 'good' }), [405, 'method-refused', 'GET, HEAD'])
  const head = await call('/.passerelle/me', { method: 'HEAD', token: 'good' })
  t.same([head.status, await head.text()], [200, ''])
  t.ok(Number(head.headers.get('content-length')) > 0)
  identity.misbehave = (_request, response) => response.writeHead(500).end()
  t.same(await codeOf('/.passerelle/me', { token: 'other' }), [503, 'identity-unavailable', null])
})

t.test('nothing else is below its path, and no route serves it', async (t) => {
  const { call, backend } = await setScene(t, { routes: (to) => ({ '/': { to, auth: 'none' } }) })
  for (const path of [
    '/.passerelle',
    '/.passerelle/',
    '/.passerelle/me/',
    '/.passerelle/ME',
    '/.passerelle/you?x',
  ])
    t.equal((await call(path, { token: 'good' })).status, 404, path)
  t.equal(backend.requests.length, 0)
  t.equal((await call('/.passerelles')).status, 200, 'another name is another path')
  t.equal(backend.requests.length, 1)
})

t.test('a token that never expires, or not before the end of time, has no date', async (t) => {
  const { call, identity } = await setScene(t)
  identity.misbehave = ({ url }, response) => {
    const expires = url?.includes('late') ? { expires: 8_640_000_000_000 } : {}
    sendJson(response, 200, { client: 'Odd', user: 'somebody', ...expires })
  }
  for (const token of ['late', 'never']) {
    const told = await (await call('/.passerelle/me', { token })).json()
    t.match(told, { client: 'Odd', user: 'somebody', expires_at: null }, token)
  }
})
