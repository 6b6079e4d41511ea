import fc from 'fast-check'
import t from 'tap'
import { isLimitField, readBackendLimit } from '../../../gateway/backends/backend-limit.ts'
import { setScene } from '../../support/scene.ts'

t.test('the fields that tell of limits are known by name', async (t) => {
  for (const name of [
    ...[
      'x-rate-limit-limit',
      'x-rate-limit-remaining',
      'x-ratelimit-reset',
      'x-ratelimit-used',
      'x-ratelimit',
    ],
    ...['ratelimit', 'ratelimit-policy', 'ratelimit-remaining', 'rate-limit-reset'],
  ])
    t.ok(isLimitField(name), name)
  for (const name of [
    'x-rates',
    'rate',
    'rated',
    'x-rate-limited',
    'ratelimits',
    'retry-after',
    'x-limit',
    '',
  ])
    t.notOk(isLimitField(name), name)
})

t.test('a backend’s limit is read strictly, from every form that is in use', async (t) => {
  const epoch = '1800000000'
  const table: readonly [string, string[], unknown][] = [
    [
      'as this gateway writes it',
      ['x-rate-limit-limit', '10', 'x-rate-limit-remaining', '3', 'x-rate-limit-reset', epoch],
      { limit: 10, remaining: 3, reset: { atS: 1_800_000_000 } },
    ],
    [
      'as it is most often written, with seconds that remain',
      ['x-ratelimit-remaining', '3', 'x-ratelimit-reset', '30'],
      { limit: undefined, remaining: 3, reset: { inS: 30 } },
    ],
    ['of the older drafts', ['ratelimit-limit', '5', 'ratelimit-remaining', '0'], { limit: 5, remaining: 0 }],
    [
      'of the draft',
      ['ratelimit-policy', '"a";q=10;w=60, "b";q=5;w=1', 'ratelimit', '"a";r=9;t=50, "b";r=4;t=1'],
      { limit: 5, remaining: 4, windowS: 1, reset: { inS: 1 } },
    ],
    [
      'of the draft, with what it leaves open',
      ['ratelimit', '"a\\"b";x;r=1;pk=:YQ==:;y=?0;z=1.5;n=tok/en;s="\\\\"'],
      { limit: undefined, remaining: 1, reset: undefined },
    ],
    ['several sets: the strictest', ['x-ratelimit-remaining', '8', 'ratelimit', '"a";r=7'], { remaining: 7 }],
    [
      'a reset in milliseconds is nobody’s guess',
      ['x-ratelimit-remaining', '1', 'x-ratelimit-reset', `${epoch}000`],
      { remaining: 1, reset: undefined },
    ],
    ['no remaining', ['x-ratelimit-limit', '10'], undefined],
    ['repeated', ['x-ratelimit-remaining', '1', 'x-ratelimit-remaining', '2'], undefined],
  ]
  for (const [what, fields, expected] of table) {
    const read = readBackendLimit(fields)
    if (expected === undefined) t.equal(read, undefined, what)
    else t.match(read, expected as object, what)
  }
  for (const wrong of ['', '-1', '1.5', '1e3', '0x1', 'NaN', 'Infinity', '1,2', '1 2', '१', '1'.repeat(16)])
    t.equal(readBackendLimit(['x-ratelimit-remaining', wrong]), undefined, wrong)
  for (const wrong of [
    ...[
      '"a"',
      '"a";r',
      '"a";r="1"',
      '"a";r=-1',
      '"a";r=1.5',
      'a;r=1',
      '"a;r=1',
      '"a";r=1,',
      ',"a";r=1',
      '"a";r=1 "b";r=2',
    ],
    ...[
      '"a";R=1',
      '"a"; r =1',
      '"é";r=1',
      '"a";r=1;t=',
      '("a");r=1',
      '"a";r=1, "b"',
      'limit=1, remaining=2',
      `"${'a'.repeat(2_000)}";r=1`,
    ],
  ])
    t.equal(readBackendLimit(['ratelimit', wrong]), undefined, wrong)
})

t.test('whatever a backend sends, reading it ends and gives numbers or nothing', async () => {
  const names = [
    'ratelimit',
    'ratelimit-policy',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
    'x-rate-limit-remaining',
  ]
  const piece = fc.constantFrom(
    '"a"',
    ';r=1',
    ';t=2',
    ', ',
    ';',
    '=',
    '"',
    '\\',
    '1',
    '-',
    '.',
    ':',
    ' ',
    'x',
    '?1',
  )
  const value = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 300 }).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 8 }), (pairs) => {
      const limit = readBackendLimit(pairs.flat())
      return limit === undefined || (Number.isInteger(limit.remaining) && limit.remaining >= 0)
    }),
  )
})

t.test(
  'a backend’s own limit reaches the client where it is the stricter, and never beside the gateway’s',
  async (t) => {
    const { call, backend, identity } = await setScene(t, {
      clock: () => 1_800_000_000_000,
      routes: (to) => ({ '/counted': { to, limit: '100/1m' }, '/free': { to } }),
    })
    identity.tokens.set('plain', { client: 'Plain' })
    const told = async (path: string, status: number, fields: Record<string, string>) => {
      backend.answer = (_request, response) => response.writeHead(status, fields).end()
      const response = await call(path, { token: 'plain' })
      t.equal(response.status, status)
      const names = [...response.headers].filter(([name]) => isLimitField(name) || name === 'retry-after')
      return Object.fromEntries(names)
    }
    const ours = (remaining: number) => ({
      'x-rate-limit-limit': '100',
      'x-rate-limit-remaining': String(remaining),
      'x-rate-limit-reset': '1800000060',
      'ratelimit-policy': '"/counted";q=100;w=60',
      ratelimit: `"/counted";r=${remaining};t=60`,
    })
    const stricter = { 'x-ratelimit-limit': '10', 'X-RateLimit-Remaining': '2', 'x-ratelimit-reset': '7' }
    const theirs = {
      'x-rate-limit-limit': '10',
      'x-rate-limit-remaining': '2',
      'x-rate-limit-reset': '1800000007',
      'ratelimit-policy': '"backend";q=10',
      ratelimit: '"backend";r=2;t=7',
    }
    t.same(await told('/counted', 200, {}), ours(99))
    t.same(await told('/counted', 200, stricter), theirs)
    t.same(await told('/counted', 200, { ratelimit: '"a";r=5000;t=7', 'x-ratelimit-used': '3' }), ours(97))
    t.same(await told('/counted', 200, { 'x-ratelimit-remaining': '-1', ratelimit: '";r=0' }), ours(96))
    t.same(
      await told('/counted', 429, { 'retry-after': '5', 'ratelimit-remaining': '1', 'ratelimit-reset': '5' }),
      {
        'retry-after': '5',
        'x-rate-limit-remaining': '0',
        'x-rate-limit-reset': '1800000005',
        ratelimit: '"backend";r=0;t=5',
      },
      'a refusal, whatever number stands beside it',
    )
    t.same(
      await told('/counted', 429, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }),
      { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' },
      'beside a refusal that names no limit, none is told',
    )
    t.same(
      await told('/counted', 200, { ...stricter, connection: 'X-RateLimit-Remaining' }),
      ours(93),
      'between the two',
    )
    t.same(await told('/free', 200, stricter), {
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '2',
      'x-ratelimit-reset': '7',
    })
  },
)
