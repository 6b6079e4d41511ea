import fc from 'fast-check'
import t from 'tap'
import { EventMalformed, readEvents } from '../../../gateway/admin/security-event.ts'
import type { Revocation } from '../../../gateway/revocation.ts'

/** `b` is a provider of one issuer, and `https://idp/` of all. */
const context = {
  whenChanged: 'refresh',
  providersOf: (issuer: string) =>
    issuer === 'https://idp/' ? ('all' as const) : issuer === 'https://b/' ? ['b'] : undefined,
} as const
const schemas = 'https://schemas.openid.net/secevent'

/** What one event about one subject asks. */
function read(type: string, claims: Record<string, unknown>, event: Record<string, unknown> = {}) {
  return readEvents({ ...claims, events: { [`${schemas}/${type}`]: event } }, context).revocations
}

const user = (effect: Revocation['effect']) => [{ target: { kind: 'user', id: 'ann' }, effect }]
const client = (effect: Revocation['effect']) => [{ target: { kind: 'client', id: 'Tracks' }, effect }]
const ann = { sub_id: { format: 'iss_sub', iss: 'https://idp/', sub: 'ann' } }

t.test('each type of event that concerns tokens revokes them, or has them asked for again', (t) => {
  const types = [
    ['caep/event-type/session-revoked', 'revoke'],
    ['caep/event-type/token-claims-change', 'refresh'],
    ['caep/event-type/credential-change', 'refresh'],
    ['caep/event-type/assurance-level-change', 'refresh'],
    ['risc/event-type/account-disabled', 'revoke'],
    ['risc/event-type/account-purged', 'revoke'],
    ['risc/event-type/credential-compromise', 'revoke'],
    ['risc/event-type/sessions-revoked', 'revoke'],
    ['risc/event-type/account-credential-change-required', 'refresh'],
    ['oauth/event-type/tokens-revoked', 'revoke'],
  ] as const
  for (const [type, effect] of types) t.same(read(type, ann), user(effect), type)
  for (const type of ['caep/event-type/session-established', 'risc/event-type/account-enabled'])
    t.same(read(type, ann), [], type)
  const id = { sub_id: { format: 'oauth_client', client_id: 'Tracks' } }
  t.same(read('oauth/event-type/client-disabled', id), client('revoke'))
  t.same(read('oauth/event-type/client-credential-changed', id), client('refresh'))
  t.same(read('oauth/event-type/client-enabled', id), [])
  t.end()
})

t.test(
  'a subject is named in the formats of RFC 9493, of the Shared Signals framework and of the drafts',
  (t) => {
    const revoked = 'caep/event-type/session-revoked'
    const named = (sub_id: unknown) => read(revoked, { sub_id })
    const simple = ann.sub_id
    t.same(named({ format: 'opaque', id: 'ann' }), user('revoke'))
    t.same(named({ format: 'complex', user: simple, session: { format: 'opaque', id: 's' } }), user('revoke'))
    const application = { format: 'opaque', id: 'Tracks' }
    t.same(named({ format: 'complex', application, tenant: application }), client('revoke'))
    const email = { format: 'email', email: 'ann@example.com' }
    t.same(named({ format: 'aliases', identifiers: [email, simple] }), user('revoke'))
    t.same(read(revoked, { sub: 'ann' }), user('revoke'))
    t.same(read('oauth/event-type/client-disabled', { sub: 'Tracks' }), client('revoke'))
    t.same(read(revoked, {}, { subject: simple }), user('revoke'))
    const legacy = { subject_type: 'iss-sub', iss: 'https://idp/', sub: 'ann' }
    t.same(read('risc/event-type/sessions-revoked', {}, { subject: legacy }), user('revoke'))
    const claims = { subject_type: 'id_token_claims', iss: 'https://idp/', sub: 'ann', email: 'x' }
    t.same(read('risc/event-type/sessions-revoked', {}, { subject: claims }), user('revoke'))
    const token = { subject_type: 'oauth_token', token_type: 'access_token' }
    const plain = { ...token, token_identifier_alg: 'plain', token: 'abc' }
    const one = [{ target: { kind: 'token', token: 'abc' }, effect: 'revoke' }]
    t.same(read('oauth/event-type/token-revoked', {}, { subject: plain }), one)
    t.end()
  },
)

t.test('what no gateway can name is nobody, and never somebody else', (t) => {
  const unnamed = (sub_id: unknown) =>
    readEvents({ sub_id, events: { [`${schemas}/caep/event-type/session-revoked`]: {} } }, context)
  const email = { format: 'email', email: 'ann@example.com' }
  const application = { format: 'opaque', id: 'Tracks' }
  const subjects = [
    email,
    { format: 'jwt_id', iss: 'https://idp/', jti: 'x' },
    { format: 'complex', session: { format: 'opaque', id: 's' } },
    { format: 'complex', user: email, application },
    { format: 'aliases', identifiers: [email] },
    { format: 'oauth_token', token: 'first-sixteen-ch', token_identifier_alg: 'prefix' },
    { format: 'oauth_token', token: 'aGFzaA==', token_identifier_alg: 'hash_base64_sha512_sha512' },
    { format: 'id_token_claims', email: 'ann@example.com' },
    { format: '__proto__' },
    { format: 'toString' },
  ]
  for (const subject of subjects)
    t.same(unnamed(subject), { revocations: [], ignored: 0, unnameable: 1 }, JSON.stringify(subject))
  t.end()
})

t.test('whatever the claims are, they ask for revocations of the form, or are refused', (t) => {
  const format = fc.constantFrom(
    ...['iss_sub', 'iss-sub', 'opaque', 'complex', 'aliases', 'oauth_client', 'oauth_token'],
    ...['id_token_claims', 'email', 'x', '__proto__'],
  )
  const text = fc.oneof(fc.string(), fc.constant('ann'), fc.constant('plain'))
  const { subject } = fc.letrec<{ subject: unknown }>((tie) => ({
    subject: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(),
      fc.record(
        {
          ...{ format, subject_type: format, iss: text, sub: text, id: text, client_id: text, token: text },
          token_identifier_alg: text,
          user: tie('subject'),
          application: tie('subject'),
          identifiers: fc.array(tie('subject'), { maxLength: 3 }),
        },
        { requiredKeys: [] },
      ),
    ),
  }))
  const type = fc.constantFrom(
    ...[
      'caep/event-type/session-revoked',
      'oauth/event-type/token-revoked',
      'oauth/event-type/client-disabled',
    ],
    'else',
  )
  const events = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      type.map((each) => `${schemas}/${each}`),
      fc.record({ subject }, { requiredKeys: [] }),
    ),
  )
  fc.assert(
    fc.property(
      fc.record({ events, sub_id: subject, sub: fc.jsonValue() }, { requiredKeys: ['events'] }),
      (claims) => {
        try {
          const { revocations, ignored, unnameable } = readEvents(claims, context)
          const told = Object.keys(claims.events as object).length
          if (revocations.length + ignored + unnameable !== told) return false
          return revocations.every(({ target, effect }) => {
            const name = 'id' in target ? target.id : target.kind === 'token' ? target.token : ''
            return effect === 'revoke' && name.length > 0 && name.length < 4_200
          })
        } catch (error) {
          return error instanceof EventMalformed
        }
      },
    ),
    { numRuns: 3_000 },
  )
  t.end()
})

t.test('a user is one of an issuer, and an unknown issuer has none', (t) => {
  const revoked = 'caep/event-type/session-revoked'
  const of = (iss: unknown, format = 'iss_sub') => ({ format, iss, sub: 'ann' })
  const atB = [{ target: { kind: 'user', id: 'ann' }, effect: 'revoke', providers: ['b'] }]
  for (const subject of [
    of('https://b/'),
    of('https://b/', 'iss-sub'),
    of('https://b/', 'id_token_claims'),
    { format: 'complex', user: of('https://b/') },
    { format: 'aliases', identifiers: [of('https://else/'), of('https://b/'), of('https://idp/')] },
  ])
    t.same(read(revoked, { sub_id: subject }), atB, JSON.stringify(subject))
  const unknown = ['https://else/', 'https://b', 'https://B/', 'https://b/ ', '__proto__', 'constructor', 'b']
  for (const iss of unknown)
    for (const subject of [
      of(iss),
      of(iss, 'iss-sub'),
      of(iss, 'id_token_claims'),
      { format: 'complex', user: of(iss) },
      { format: 'aliases', identifiers: [of(iss), { format: 'email', email: 'a@b' }] },
    ])
      t.throws(() => read(revoked, { sub_id: subject }), {
        name: 'EventMalformed',
        message: /^iss of the subject/,
      })
  t.same(read(revoked, { sub_id: { format: 'id_token_claims', sub: 'ann' } }), user('revoke'))
  t.end()
})
