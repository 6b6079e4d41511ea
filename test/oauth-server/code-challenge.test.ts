import fc from 'fast-check'
import t from 'tap'
import { isCodeChallenge, isCodeVerifier, verifierMatches } from '../../oauth-server/grants/code-challenge.ts'
import { challengeOf } from '../support/user-browser.ts'

const unreserved = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~']
const verifiers = fc
  .array(fc.constantFrom(...unreserved), { minLength: 43, maxLength: 128 })
  .map((signs) => signs.join(''))

t.test('A9: the example of RFC 7636 appendix B', (t) => {
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
  t.equal(verifierMatches('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', challenge), true)
  t.equal(verifierMatches('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl', challenge), false)
  t.equal(isCodeChallenge(challenge), true)
  t.end()
})

t.test('A9: every verifier matches its own challenge and no other', (t) => {
  fc.assert(
    fc.property(verifiers, verifiers, (one, other) => {
      const challenge = challengeOf(one)
      return (
        isCodeVerifier(one) &&
        isCodeChallenge(challenge) &&
        verifierMatches(one, challenge) &&
        verifierMatches(other, challenge) === (one === other)
      )
    }),
  )
  t.end()
})

t.test('A9: what is no SHA-256 in base64url is no challenge, and what is no verifier is none', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      const isRight =
        /^[\w-]{43}$/.test(text) && Buffer.from(text, 'base64url').toString('base64url') === text
      return isCodeChallenge(text) === isRight
    }),
  )
  for (const text of ['', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(43)}+`, `${'x'.repeat(43)}\n`])
    t.equal(isCodeVerifier(text), false)
  t.end()
})
