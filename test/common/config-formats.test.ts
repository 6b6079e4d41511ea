import fc from 'fast-check'
import t from 'tap'
import { configFormats } from '../../common/config-formats.ts'

/** What each format takes and what it refuses. */
const examples: Readonly<Record<string, { accepted: readonly string[]; refused: readonly string[] }>> = {
  duration: { accepted: ['500ms', '0s', '7d'], refused: ['', '5', '5 s'] },
  timeout: { accepted: ['1ms', '30s', '24d'], refused: ['', '0s', '25d', '999999999d'] },
  quota: { accepted: ['1000/1h'], refused: ['', '0/1h', '1000'] },
  'listen-address': { accepted: ['127.0.0.1:8080', '[::1]:0'], refused: ['', '8080', 'a:65536'] },
  'http-url': {
    accepted: ['http://127.0.0.1:8081/oauth/verifToken', 'https://api.example', 'http://a/@b'],
    refused: [
      '',
      '/api',
      'api.example',
      'ftp://a',
      'file:///etc/passwd',
      'http://user@a',
      'http://:pass@a',
      'http://a/?q',
      'http://a/?',
      'http://a/#f',
      'javascript:alert(1)',
      'http:a',
      'http:\\\\a',
      'http://a\n',
      ' http://a',
      'http://@a',
    ],
  },
  'path-prefix': {
    accepted: ['/', '/api1', '/api/v1.2', '/~user', '/a..b', '/...'],
    refused: [
      '',
      'api',
      '/api/',
      '//',
      '/a//b',
      '/.',
      '/..',
      '/a/../b',
      '/a/.',
      '/a%2fb',
      '/a*b?',
      '/a;b',
      '/a\\b',
      '/é',
      '/a\n',
    ],
  },
  'header-name': {
    accepted: ['X-Roles', 'x1'],
    refused: ['', '-X', 'X_Roles', 'X Roles', 'X:Y', 'X\r\nY', 'X\n', 'x'.repeat(65)],
  },
  scope: {
    accepted: ['read', 'urn:a:b', '!'],
    refused: ['', 'a b', 'a"b', 'a\\b', 'é', 'a\n', 'x'.repeat(129)],
  },
  role: { accepted: ['USER', 'a.b_c:d/e-f'], refused: ['', 'A,B', 'A B', 'A\n', 'é', 'x'.repeat(65)] },
}

t.strictSame(
  Object.keys(configFormats).toSorted(),
  Object.keys(examples).toSorted(),
  'each format has examples here',
)

for (const [name, format] of Object.entries(configFormats)) {
  t.test(`the format ${name} takes what its rule says, and states it as "must be …"`, (t) => {
    for (const text of examples[name]?.accepted ?? []) t.ok(format.accepts(text), JSON.stringify(text))
    for (const text of examples[name]?.refused ?? []) t.notOk(format.accepts(text), JSON.stringify(text))
    t.match(format.rule, /^must be /)
    t.end()
  })

  t.test(`the format ${name} never takes a line break, whatever stands around it`, (t) => {
    const any = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...(examples[name]?.accepted ?? [])))
    fc.assert(
      fc.property(any, any, fc.constantFrom('\n', '\r', '\r\n', '\0'), (before, after, lineBreak) => {
        return !format.accepts(before + lineBreak + after)
      }),
    )
    t.end()
  })
}
