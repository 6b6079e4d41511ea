import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  isBoundToKey,
  MalformedAnswer,
  readAccessTokenClaims,
  readIntrospectionAnswer,
  readVerifTokenAnswer,
  type TokenMetadata,
} from '../../../gateway/tokens/token-metadata.ts'

const nowMs = 1_800_000_000_000

const readers = {
  verify: (answer: unknown) => readVerifTokenAnswer(answer, nowMs),
  introspect: readIntrospectionAnswer,
  jwt: readAccessTokenClaims,
}

const evilText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    'USER',
    'USER,ADMIN',
    'a\r\nX-Roles: ADMIN',
    ' ',
    '',
    'a b',
    '\0',
    'é',
    '"',
    '__proto__',
    'x'.repeat(300),
  ),
)
const evilNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-1, 0, -0, 1.5, 1e308, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 53, 3_600),
)
const evilValue = fc.oneof(
  { weight: 3, arbitrary: evilText },
  { weight: 3, arbitrary: evilNumber },
  { weight: 2, arbitrary: fc.array(evilText, { maxLength: 120 }) },
  fc.constantFrom(null, true, false, undefined),
  fc.jsonValue(),
)

/** Each member is right, wrong or missing by itself, so that every mix of them comes up. */
const answer = fc.record(
  {
    active: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, evilValue),
    client: fc.oneof(fc.constant('Tracks'), evilValue),
    client_id: fc.oneof(fc.constant('Tracks'), evilValue),
    user: fc.oneof(fc.constant('ada'), evilValue),
    sub: fc.oneof(fc.constant('ada'), evilValue),
    roles: fc.oneof(fc.constantFrom('USER', 'B, A', ['B', 'A', 'B']), evilValue),
    scope: fc.oneof(fc.constantFrom('read', 'a b a'), evilValue),
    rateLimit: fc.oneof(fc.constant(10), evilValue),
    rate_limit: fc.oneof(fc.constant(10), evilValue),
    rateLimitWindow: fc.oneof(fc.constant(60), evilValue),
    rate_limit_window: fc.oneof(fc.constant(60), evilValue),
    expires: fc.oneof(fc.constant(3_600), evilValue),
    exp: fc.oneof(fc.constant(1_800_003_600), evilValue),
    iat: fc.oneof(fc.constant(1_800_000_000), evilValue),
    cnf: evilValue,
  },
  { requiredKeys: [] },
)

/** What every reader promises to the steps that follow, whatever the provider said. */
function holdMetadata(metadata: TokenMetadata): void {
  const isField = (text: string) => /^[\x20-\x7e]*$/.test(text)
  const { client, user, roles, scopes, ownPolicy, expiresAtMs, issuedAtMs, rolesField, scopeField } = metadata
  hold(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(client) && client.length <= 128, 'client')
  hold(
    user === undefined || (user !== '' && user.trim() === user && isField(user) && user.length <= 255),
    'user',
  )
  hold(roles.length <= 100 && roles.every((role) => /^[\w.:/-]+$/.test(role)), 'roles')
  hold(scopes.length <= 100 && scopes.every((scope) => isField(scope) && !/[\s"\\]/.test(scope)), 'scopes')
  hold(new Set(roles).size === roles.length && new Set(scopes).size === scopes.length, 'each once')
  hold(rolesField === roles.join(',') && scopeField === scopes.join(' '), 'fields')
  hold(isField(rolesField) && isField(scopeField), 'fields that fit into headers')
  hold(typeof expiresAtMs === 'number' && !Number.isNaN(expiresAtMs), 'end')
  hold(issuedAtMs === undefined || Number.isFinite(issuedAtMs), 'time of issue')
  if (ownPolicy === undefined) return
  const { rule } = ownPolicy
  hold(rule.algorithm === 'fixed-window' && Number.isSafeInteger(rule.limit) && rule.limit >= 1, 'limit')
  hold(
    rule.algorithm === 'fixed-window' && Number.isSafeInteger(rule.windowMs) && rule.windowMs >= 1_000,
    'window',
  )
}

function hold(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`the metadata break their promise: ${what}`)
}

/** Reads, and holds that what comes of it is metadata, nothing, or the one error that names no value. */
function readSafely(read: (answer: unknown) => TokenMetadata | undefined, value: unknown): string {
  try {
    const metadata = read(value)
    if (metadata === undefined) return 'nothing'
    holdMetadata(metadata)
    return 'metadata'
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error
    return 'refused'
  }
}

for (const [name, read] of Object.entries(readers)) {
  t.test(`${name}: no JSON at all makes the reader fail otherwise than by its own error`, async (t) => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.anything({ withNullPrototype: true })), (value) => {
        readSafely(read, value)
      }),
      { numRuns: 1_000 },
    )
    t.pass()
  })

  t.test(`${name}: whatever members an answer has, the metadata hold their promises`, async (t) => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(answer, (value) => {
        const outcome = readSafely(read, value)
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
      }),
      { numRuns: 5_000 },
    )
    t.ok((seen.get('metadata') ?? 0) > 10, 'some of them are good')
    t.ok((seen.get('refused') ?? 0) > 100, 'and most are not')
  })
}

t.test('who acts for a user, and since when, is read where the provider says it', async (t) => {
  const pick = (metadata: TokenMetadata | undefined) => [metadata?.user, metadata?.issuedAtMs]
  const claims = { active: true, client_id: 'Tracks', exp: 2e9, iat: 1_799_999_999.5, sub: 'ada' }
  t.same(pick(readIntrospectionAnswer(claims)), ['ada', 1_799_999_999_500])
  t.same(pick(readAccessTokenClaims(claims)), ['ada', 1_799_999_999_500])
  t.same(pick(readIntrospectionAnswer({ ...claims, sub: 'Tracks', iat: undefined })), [undefined, undefined])
  t.same(pick(readAccessTokenClaims({ ...claims, sub: 'Tracks', iat: undefined })), [undefined, undefined])
  t.same(pick(readIntrospectionAnswer({ ...claims, sub: null })), [undefined, 1_799_999_999_500])
  t.same(pick(readVerifTokenAnswer({ client: 'Tracks', user: 'ada', iat: 1 }, nowMs)), ['ada', undefined])
  throwsAbout(t, () => readAccessTokenClaims({ ...claims, sub: undefined }), 'sub')
  throwsAbout(t, () => readAccessTokenClaims({ ...claims, exp: undefined }), 'exp')
  throwsAbout(t, () => readVerifTokenAnswer({ client: 'Tracks', user: 'a\r\nb' }, nowMs), 'the user')
})

function throwsAbout(t: Test, act: () => unknown, member: string): void {
  t.throws(act, { name: 'MalformedAnswer', message: new RegExp(`malformed: ${member} `) })
}

t.test('a token is bound to a key as soon as cnf says anything', async (t) => {
  for (const cnf of [{}, { jkt: 'x' }, false, '', 0, []]) t.ok(isBoundToKey({ cnf }))
  for (const claims of [{}, { cnf: null }, { cnf: undefined }]) t.notOk(isBoundToKey(claims))
})
