import fc from 'fast-check'
import t from 'tap'
import { parseBasic } from '../../oauth-server/endpoints/client-authentication.ts'
import { decodeFormText, parseForm } from '../../oauth-server/endpoints/form.ts'
import { RequestRefused, refusals } from '../../oauth-server/errors.ts'

/** Any text that a parameter can hold: no control characters, no lone surrogates. */
const parameterText = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/\p{Cc}/u.test(text))

/** What an attacker sends: anything, and often something nearly right. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '&',
        '=',
        '%',
        '%0',
        '%00',
        '%ED%A0%80',
        '%C3',
        '+',
        'a',
        '[]',
        '__proto__',
        '\0',
        'é',
        ';',
      ),
    )
    .map((parts) => parts.join('')),
)

t.test('whatever is encoded as a form is read back', (t) => {
  const pairs = fc.uniqueArray(fc.tuple(parameterText, parameterText), { selector: ([name]) => name })
  fc.assert(
    fc.property(pairs, (given) => {
      const form = parseForm(new URLSearchParams(given).toString())
      const expected = given.filter(([, value]) => value !== '')
      return form.size === expected.length && expected.every(([name, value]) => form.get(name) === value)
    }),
  )
  t.end()
})

t.test('hostile text is parsed or refused, and nothing else happens', (t) => {
  fc.assert(
    fc.property(hostileText, (text) => {
      try {
        for (const [name, value] of parseForm(text))
          if (value === '' || /\p{Cc}/u.test(name + value) || !(name + value).isWellFormed()) return false
        return true
      } catch (error) {
        return error instanceof RequestRefused && error.refusal.error === 'invalid_request'
      }
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('a name that comes twice is refused however it is written', (t) => {
  for (const text of ['a=1&a=2', 'a=1&a=1', 'a&a', 'a=&a=1', '%61=1&a=2', 'x=1&a+b=1&a%20b=2', '=1&=2'])
    t.throws(() => parseForm(text), new RequestRefused(refusals.repeatedParameter), text)
  t.end()
})

t.test('names are flat: brackets build nothing, and no name reaches a prototype', (t) => {
  const form = parseForm('client_id[]=a&client_id[a]=b&__proto__=c&constructor=d')
  t.equal(form.get('client_id'), undefined)
  t.equal(form.get('__proto__'), 'c')
  t.equal(form.get('toString'), undefined)
  t.end()
})

t.test('an empty parameter counts as left out', (t) => {
  t.strictSame([...parseForm('a=&b&c=1&&')], [['c', '1']])
  t.end()
})

t.test('what no encoder writes is refused', (t) => {
  for (const text of [
    'a=%',
    'a=%0',
    'a=%zz',
    'a=%00',
    'a=%0A',
    'a=%7F',
    'a=%C2%80',
    'a=%FF',
    'a=%ED%A0%80',
    'é=1',
    'a=\n',
  ])
    t.throws(() => parseForm(text), new RequestRefused(refusals.malformedForm), JSON.stringify(text))
  t.equal(decodeFormText('%F0%9F%92%A1+x'), '💡 x')
  t.end()
})

t.test('whatever is encoded as Basic credentials is read back', (t) => {
  const text = parameterText.filter((part) => part !== '')
  fc.assert(
    fc.property(text, text, (id, secret) => {
      const halves = [id, secret].map((part) => encodeURIComponent(part).replaceAll('%20', '+'))
      const found = parseBasic(`Basic ${Buffer.from(halves.join(':')).toString('base64')}`)
      return found?.id === id && found.secret === secret
    }),
  )
  t.end()
})

t.test('a hostile Basic header is read or is none, and never throws', (t) => {
  const hostileHeader = fc.oneof(
    hostileText,
    hostileText.map((text) => `Basic ${text}`),
    fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
    hostileText.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
  )
  fc.assert(
    fc.property(hostileHeader, (header) => {
      const found = parseBasic(header)
      return found === undefined || (found.id !== '' && found.secret !== '' && !found.id.includes('\0'))
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('a colon in the secret belongs to the secret', (t) => {
  t.strictSame(parseBasic(`Basic ${btoa('a:b:c')}`), { id: 'a', secret: 'b:c' })
  t.end()
})
