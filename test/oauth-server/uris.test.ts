import t from 'tap'
import { isRedirectUri, isResourceUri } from '../../oauth-server/clients/uris.ts'

t.test('users are sent back to https, to this machine, or to an application by its own name', (t) => {
  for (const uri of [
    'https://app.example.org/done',
    'https://app.example.org/done?tenant=1',
    'https://app.example.org:8443/',
    'http://127.0.0.1/done',
    'http://127.0.0.1:51004/done',
    'http://[::1]:51004/done',
    'http://localhost:3000/done',
    'com.example.app:/done',
    'com.example.app://done',
  ])
    t.equal(isRedirectUri(uri), true, uri)
  t.end()
})

t.test('and nowhere that runs a script, leaks, or is read in two ways', (t) => {
  for (const uri of [
    '',
    '/done',
    '//app.example.org/done',
    'app.example.org/done',
    'http://app.example.org/done',
    'http://127.0.0.1.example.org/done',
    'http://localhost.example.org/done',
    'https:app.example.org',
    'https:///done',
    'https://app.example.org/done#part',
    'https://user@app.example.org/done',
    'https://user:pw@app.example.org/done',
    'https://app.example.org/a b',
    'https://app.example.org\\@evil.example/',
    'https://app.example.org/\u00e9',
    'https://app.example.org/\n',
    'https://app.example.org/"onload="',
    'https://app.example.org/<script>',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app.example.org/x',
    'myapp:/done',
    `https://app.example.org/${'x'.repeat(2_000)}`,
  ])
    t.equal(isRedirectUri(uri), false, uri)
  t.end()
})

t.test('a resource is an absolute URI without a fragment (RFC 8707 §2)', (t) => {
  t.equal(isResourceUri('https://api.example.org/v1'), true)
  t.equal(isResourceUri('urn:example:api'), true)
  for (const uri of ['api', '/api', 'https://api.example.org/#x', 'https://u@api.example.org', 'urn: x', ''])
    t.equal(isResourceUri(uri), false, uri)
  t.end()
})
