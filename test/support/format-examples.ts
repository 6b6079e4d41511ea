/** What each format takes and what it refuses. */
export const formatExamples: Readonly<
  Record<string, { accepted: readonly string[]; refused: readonly string[] }>
> = {
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
  'database-url': {
    accepted: [
      'sqlite:.data/oauth-server.db',
      'sqlite::memory:',
      'postgres://u:p@h:5432/d',
      'postgresql://h/d',
    ],
    refused: ['', 'sqlite:', 'sqlite:a\n', 'mysql://h/d', 'postgres://', 'postgres://h/d\n', '/var/db'],
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
    refused: ['', 'a b', 'a"b', 'a\\b', 'é', 'a\n', 'x'.repeat(65)],
  },
  role: { accepted: ['USER', 'a.b_c:d/e-f'], refused: ['', 'A,B', 'A B', 'A\n', 'é', 'x'.repeat(65)] },
}
