import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readProblem, setScene } from '../support/scene.ts'
import { parseStructuredList } from '../support/structured-fields.ts'

const startMs = 1_800_000_000_000

/** What `RateLimit` says, by policy. */
function toldBy(response: Response): Record<string, unknown> {
  const items = parseStructuredList(response.headers.get('ratelimit') ?? '')
  return Object.fromEntries(items.map(({ value, parameters }) => [String(value), parameters.get('r')]))
}

t.test(
  'every limit of a request is told, under a name of its own, and the first in the old fields',
  async (t) => {
    const { call } = await setScene(t, {
      clock: () => startMs,
      routes: (to) => ({
        '/a': {
          to,
          limit: [
            { quota: '20/1s', algorithm: 'gcra', burst: 40 },
            { quota: '500/1h', by: 'address' },
            { quota: '5/1h', applies: 'without-own-quota' },
          ],
        },
      }),
    })
    const { headers } = await call('/a', { token: 'good' })
    t.equal(headers.get('ratelimit-policy'), '"client";q=1000;w=3600, "/a";q=40;w=2, "/a#2";q=500;w=3600')
    t.equal(headers.get('ratelimit'), '"client";r=999;t=3600, "/a";r=39;t=1, "/a#2";r=499;t=3600')
    t.equal(headers.get('x-rate-limit-limit'), '1000')
  },
)

t.test('a limit that has no room refuses, is told as the cause, and counts against no other', async (t) => {
  let nowMs = startMs
  const { call, backend } = await setScene(t, {
    clock: () => nowMs,
    routes: (to) => ({ '/a': { to, limit: { quota: '2/10s' } }, '/b': { to } }),
  })
  await call('/a', { token: 'good' })
  await call('/a', { token: 'good' })
  nowMs += 3_500
  for (let i = 0; i < 3; i += 1) {
    const refused = await call('/a', { token: 'good' })
    t.equal(refused.status, 429)
    t.same(toldBy(refused), { client: 998, '/a': 0 })
    t.equal(refused.headers.get('x-rate-limit-limit'), '2')
    t.equal(refused.headers.get('x-rate-limit-remaining'), '0')
    t.equal(refused.headers.get('x-rate-limit-reset'), String(startMs / 1_000 + 10))
    t.equal(refused.headers.get('retry-after'), '7')
    t.match(await readProblem(t, refused), { 'violated-policies': ['/a'], limit: 2, retry_after: 7 })
  }
  t.equal(backend.requests.length, 2)
  t.same(toldBy(await call('/b', { token: 'good' })), { client: 997 })
})

t.test('a request counts as many as its route costs', async (t) => {
  const { call, identity } = await setScene(t, {
    routes: (to) => ({ '/dear': { to, cost: 30 }, '/cheap': { to } }),
  })
  identity.tokens.set('small', { client: 'Small', rateLimit: 100 })
  for (const left of [70, 40, 10]) t.same(toldBy(await call('/dear', { token: 'small' })), { client: left })
  t.equal((await call('/dear', { token: 'small' })).status, 429)
  t.same(toldBy(await call('/cheap', { token: 'small' })), { client: 9 }, 'the refusal has cost nothing')
})

t.test('an open route with a limit counts by address, and needs no token for it', async (t) => {
  let nowMs = startMs
  const { call, backend, identity } = await setScene(t, {
    clock: () => nowMs,
    routes: (to) => ({
      '/open': { to, auth: 'none', limit: '2/1m' },
      '/other': { to, auth: 'none', limit: '2/1m' },
      '/free': { to, auth: 'none' },
    }),
  })
  const statuses = []
  for (let i = 0; i < 4; i += 1) statuses.push((await call('/open', { token: `any${i}` })).status)
  t.same(statuses, [200, 200, 429, 429])
  const refused = await call('/open')
  t.match(await readProblem(t, refused), { code: 'quota-exceeded', 'violated-policies': ['/open'] })
  t.same(toldBy(refused), { '/open': 0 })
  t.equal(refused.headers.get('retry-after'), '60')
  t.same(toldBy(await call('/other')), { '/other': 1 }, 'each route counts by itself')
  t.equal((await call('/free')).headers.get('ratelimit'), null)
  nowMs += 60_000
  t.equal((await call('/open')).status, 200)
  t.equal(backend.requests.length, 5)
  t.equal(identity.recorder.requests.length, 0)
})

t.test('a refusal before the throttle counts against nothing', async (t) => {
  const { call } = await setScene(t, {
    routes: (to) => ({ '/a': { to, roles: ['EDITOR'], limit: { quota: '5/1h' } }, '/b': { to } }),
  })
  for (let i = 0; i < 3; i += 1) {
    const refused = await call('/a', { token: 'good' })
    t.equal(refused.status, 403)
    t.same(toldBy(refused), { client: 1_000, '/a': 5 })
  }
  await call('/a')
  await call('/a', { token: 'unknown' })
  t.same(toldBy(await call('/b', { token: 'good' })), { client: 999 })
})

t.test('the configuration chooses the fields, on answers and on refusals of every kind', async (t) => {
  for (const [choice, hasPlain, hasStructured] of [
    ['both', true, true],
    ['x-rate-limit', true, false],
    ['ratelimit', false, true],
  ] as const) {
    const { call, backend } = await setScene(t, {
      config: { rateLimitFields: choice },
      routes: (to) => ({
        '/ok': { to },
        '/limited': { to, limit: { quota: '1/1h' } },
        '/forbidden': { to, roles: ['NOBODY'] },
        '/broken': { to: 'http://127.0.0.1:9' },
      }),
    })
    backend.answer = (_request, response) => response.end()
    const statuses = []
    for (const path of ['/ok', '/limited', '/limited', '/forbidden', '/broken']) {
      const { status, headers } = await call(path, { token: 'good' })
      statuses.push(status)
      t.equal(headers.has('x-rate-limit-remaining'), hasPlain, `${choice} ${path}`)
      t.equal(headers.has('ratelimit'), hasStructured, `${choice} ${path}`)
      t.equal(headers.has('ratelimit-policy'), hasStructured, `${choice} ${path}`)
    }
    t.same(statuses, [200, 200, 429, 403, 502])
  }
})

t.test(
  'within a window, what is left never rises, the reset stays, and no refusal says when too early',
  async (t) => {
    let nowMs = startMs + 777
    const { call, identity } = await setScene(t, { clock: () => nowMs })
    identity.tokens.set('small', { client: 'Small', roles: 'USER', rateLimit: 5, rateLimitWindow: 10 })
    let left = 5
    for (let i = 0; i < 12; i += 1) {
      const response = await call('/api1', { token: 'small' })
      const [item] = parseStructuredList(response.headers.get('ratelimit') ?? '')
      const remaining = Number(response.headers.get('x-rate-limit-remaining'))
      t.ok(remaining <= left)
      left = remaining
      t.equal(item?.parameters.get('r'), remaining)
      t.equal(response.headers.get('x-rate-limit-reset'), String(startMs / 1_000 + 11))
      const wait = Number(item?.parameters.get('t'))
      t.ok(nowMs + wait * 1_000 >= startMs + 10_777)
      if (response.status === 429) t.ok(Number(response.headers.get('retry-after')) >= wait)
      nowMs += 700
    }
    t.equal(left, 0)
  },
)

t.test('a limit in shadow refuses nobody, and tells the operator alone whom it would have', async (t) => {
  const { call, gateway, backend } = await setScene(t, {
    routes: (to) => ({
      '/tried': { to, limit: { quota: '1/1h', mode: 'shadow' } },
      '/open': { to, auth: 'none', limit: [{ quota: '3/1h' }, { quota: '2/1h', mode: 'shadow' }] },
    }),
  })
  for (let i = 0; i < 3; i += 1) {
    const response = await call('/tried', { token: 'good' })
    t.equal(response.status, 200)
    t.equal(response.headers.get('ratelimit-policy'), '"client";q=1000;w=3600')
  }
  for (const [status, left] of [
    [200, 2],
    [200, 1],
    [200, 0],
    [429, 0],
  ] as const) {
    const response = await call('/open')
    t.equal(response.status, status)
    t.same(toldBy(response), { '/open': left })
  }
  t.equal(backend.requests.length, 6)
  while (gateway.logLines.filter((line) => line.includes('"path"')).length < 7) await sleep(5)
  const lines = gateway.logLines.map((line) => JSON.parse(line)).filter(({ path }) => path !== undefined)
  t.same(
    lines.map(({ shadow }) => shadow),
    [undefined, ['/tried'], ['/tried'], undefined, undefined, ['/open#2'], undefined],
    'of a request that is refused anyway, the shadow has nothing to say',
  )
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  t.match(metrics, /^passerelle_shadow_refusals_total\{route="\/tried",policy="\/tried"\} 2$/m)
  t.match(metrics, /^passerelle_shadow_refusals_total\{route="\/open",policy="\/open#2"\} 1$/m)
})

t.test(
  'of several limits without room, all are named, and the one to wait for longest is told',
  async (t) => {
    const { call } = await setScene(t, {
      clock: () => startMs,
      routes: (to) => ({ '/a': { to, limit: [{ quota: '1/5s' }, { quota: '9/1h' }, { quota: '1/1m' }] } }),
    })
    await call('/a', { token: 'good' })
    const refused = await call('/a', { token: 'good' })
    const problem = await readProblem(t, refused)
    t.match(problem, { limit: 1, retry_after: 60 })
    t.same(problem['violated-policies'], ['/a#3', '/a'])
    t.equal(refused.headers.get('retry-after'), '60')
    t.equal(refused.headers.get('x-rate-limit-reset'), String(startMs / 1_000 + 60))
    t.same(toldBy(refused), { client: 999, '/a': 0, '/a#2': 8, '/a#3': 0 })
  },
)
