import { type CorpusEntry, chunkedHead, head, headOfLength, lengthOf, ok } from './response-corpus.ts'

type Expectation = Partial<CorpusEntry>

function good(name: string, text: string, expected: Expectation): CorpusEntry {
  return { name, method: 'GET', text, status: 200, body: '', interims: [], reuse: true, ...expected }
}

const wholeBodies: readonly CorpusEntry[] = [
  good('a body of known length', `${lengthOf(5)}hello`, { body: 'hello' }),
  good('a body of one byte', `${lengthOf(1)}x`, { body: 'x' }),
  good('an empty body', lengthOf(0), {}),
  good('an empty body of many zeros', lengthOf('000'), {}),
  good('a length with zeros before it', `${lengthOf('005')}hello`, { body: 'hello' }),
  good('a body that looks like a head', `${lengthOf(19)}HTTP/1.1 200 OK\r\n\r\n`, { body: head(ok) }),
  good('a body of all bytes', `${lengthOf(256)}${allBytes()}`, { body: allBytes() }),
  good('two equal lengths', `${head(ok, 'Content-Length: 2', 'A: b', 'content-length: 2')}ok`, {
    body: 'ok',
    fields: ['Content-Length', '2', 'A', 'b'],
  }),
  good('a list of equal lengths', `${lengthOf('2, 2 ,2')}ok`, {
    body: 'ok',
    fields: ['Content-Length', '2'],
  }),
  good('a body that ends with the connection', `${head(ok)}until the end`, {
    body: 'until the end',
    reuse: false,
  }),
  good('an empty body that ends with the connection', head(ok), { reuse: false }),
  good('a body until the end in HTTP/1.0', `${head('HTTP/1.0 200 OK')}old`, { body: 'old', reuse: false }),
  good(
    'a body until the end although the connection is said to stay',
    `${head(ok, 'Connection: keep-alive')}x`,
    {
      body: 'x',
      connection: 'keep-alive',
      reuse: false,
    },
  ),
]

const chunkedBodies: readonly CorpusEntry[] = [
  good('one chunk', `${chunkedHead}5\r\nhello\r\n0\r\n\r\n`, { body: 'hello' }),
  good('several chunks', `${chunkedHead}5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n`, {
    body: 'hello world',
  }),
  good('no chunk', `${chunkedHead}0\r\n\r\n`, {}),
  good('a last chunk of many zeros', `${chunkedHead}0000000000000000\r\n\r\n`, {}),
  good('a size in small letters', `${chunkedHead}a\r\n0123456789\r\n0\r\n\r\n`, { body: '0123456789' }),
  good('a size in capital letters', `${chunkedHead}A\r\n0123456789\r\n0\r\n\r\n`, { body: '0123456789' }),
  good('a size of sixteen digits', `${chunkedHead}0000000000000002\r\nok\r\n0\r\n\r\n`, { body: 'ok' }),
  good('a chunk that holds line ends', `${chunkedHead}6\r\n\r\n0\r\n\r\r\n0\r\n\r\n`, {
    body: '\r\n0\r\n\r',
  }),
  good('a coding in capital letters', `${head(ok, 'TRANSFER-ENCODING: CHUNKED')}2\r\nok\r\n0\r\n\r\n`, {
    body: 'ok',
  }),
  good('a chunk extension', `${chunkedHead}2;a=b\r\nok\r\n0\r\n\r\n`, { body: 'ok' }),
  good('a quoted chunk extension', `${chunkedHead}2;a="b;c d"\r\nok\r\n0;last\r\n\r\n`, { body: 'ok' }),
  good('several chunk extensions', `${chunkedHead}2;a;b=c;d="\\"\xe9";e=""\r\nok\r\n0\r\n\r\n`, {
    body: 'ok',
  }),
  good(
    'a chunk line as long as may be',
    `${chunkedHead}${'0'.repeat(15)}2;${'e'.repeat(255)}\r\nok\r\n0\r\n\r\n`,
    {
      body: 'ok',
    },
  ),
  good('a trailer', `${chunkedHead}2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`, { body: 'ok' }),
  good(
    'trailers that would frame',
    `${chunkedHead}0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n`,
    {},
  ),
  good('as many trailers as may be', `${chunkedHead}0\r\n${'A:\r\n'.repeat(12)}\r\n`, {}),
  good('an empty trailer value', `${chunkedHead}0\r\nA: \r\n\r\n`, {}),
  good('trailers as long as may be', `${chunkedHead}0\r\nA:${'v'.repeat(994)}\r\n\r\n`, {}),
]

const statuses: readonly CorpusEntry[] = [
  good('a 204', head('HTTP/1.1 204 No Content'), { status: 204 }),
  good('a 204 with a length', head('HTTP/1.1 204 No Content', 'Content-Length: 5'), {
    status: 204,
    reuse: false,
  }),
  good('a 204 with an empty length', head('HTTP/1.1 204 No Content', 'Content-Length: 0'), {
    status: 204,
    reuse: false,
  }),
  good('a 204 with a coding', head('HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'), {
    status: 204,
    reuse: false,
  }),
  good('a 304', head('HTTP/1.1 304 Not Modified', 'ETag: "a"'), { status: 304 }),
  good('a 304 with a length', head('HTTP/1.1 304 Not Modified', 'Content-Length: 5'), { status: 304 }),
  good('a 304 with a coding', head('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked'), {
    status: 304,
  }),
  good('a HEAD', lengthOf(5000), { method: 'HEAD' }),
  good('a HEAD of what is chunked', chunkedHead, { method: 'HEAD' }),
  good('a HEAD of what ends with the connection', head(ok), { method: 'HEAD' }),
  good('a HEAD that is not found', head('HTTP/1.1 404 Not Found', 'Content-Length: 9'), {
    method: 'HEAD',
    status: 404,
  }),
  good('a 205 with an empty body', head('HTTP/1.1 205 Reset Content', 'Content-Length: 0'), { status: 205 }),
  good('a 599', head('HTTP/1.1 599 Whatever', 'Content-Length: 0'), { status: 599 }),
  good('an empty reason', head('HTTP/1.1 200 ', 'Content-Length: 0'), {}),
  good('no blank before the reason that is not there', head('HTTP/1.1 200', 'Content-Length: 0'), {}),
  good('a reason of blanks', head('HTTP/1.1 200  \t ', 'Content-Length: 0'), {}),
  good('a reason beyond ASCII', head('HTTP/1.1 200 \xe9\xff', 'Content-Length: 0'), {}),
  good('a failed CONNECT', head('HTTP/1.1 405 No', 'Content-Length: 0'), { method: 'CONNECT', status: 405 }),
]

const interims: readonly CorpusEntry[] = [
  good('a 100 before', head('HTTP/1.1 100 Continue') + lengthOf(0), { interims: [100] }),
  good('a 103 with fields before', `${head('HTTP/1.1 103 Early Hints', 'Link: </a>')}${lengthOf(2)}ok`, {
    interims: [103],
    body: 'ok',
  }),
  good('sixteen before', head('HTTP/1.1 102 Processing').repeat(16) + lengthOf(0), {
    interims: Array(16).fill(102),
  }),
  good('a 199 before', head('HTTP/1.1 199 Hm') + lengthOf(0), { interims: [199] }),
  good('one with a length before', head('HTTP/1.1 103 Hm', 'Content-Length: 9') + lengthOf(0), {
    interims: [103],
    reuse: false,
  }),
  good('one with a coding before', head('HTTP/1.1 103 Hm', 'Transfer-Encoding: chunked') + lengthOf(0), {
    interims: [103],
    reuse: false,
  }),
  good('one that closes before', head('HTTP/1.1 103 Hm', 'Connection: close') + lengthOf(0), {
    interims: [103],
    reuse: false,
  }),
]

const connections: readonly CorpusEntry[] = (
  [
    ['close', 'HTTP/1.1', false],
    ['CLOSE', 'HTTP/1.1', false],
    ['keep-alive', 'HTTP/1.1', true],
    ['closed', 'HTTP/1.1', true],
    ['x-a , \tclose\t, x-b', 'HTTP/1.1', false],
    ['keep-alive, close', 'HTTP/1.1', false],
    [',,', 'HTTP/1.1', true],
    ['Keep-Alive', 'HTTP/1.0', true],
    ['x-a,keep-alive', 'HTTP/1.0', true],
    ['keep-alive,close', 'HTTP/1.0', false],
    ['x-a', 'HTTP/1.0', false],
    ['\xa0keep-alive', 'HTTP/1.0', false],
  ] as const
).map(([connection, version, reuse]) =>
  good(
    `${version} with Connection: ${connection}`,
    head(`${version} 200 OK`, `Connection: ${connection}`, 'Content-Length: 0'),
    { connection, reuse },
  ),
)

const heads: readonly CorpusEntry[] = [
  ...connections,
  good('HTTP/1.0 without Connection', head('HTTP/1.0 200 OK', 'Content-Length: 0'), { reuse: false }),
  good(
    'several Connection fields',
    head(ok, 'Connection: x-a', 'X: y', 'connection: x-b, Close', 'Content-Length: 0'),
    { connection: 'x-a,x-b, Close', reuse: false },
  ),
  good('an empty Connection', head(ok, 'Connection:', 'Content-Length: 0'), { connection: '' }),
  good('blanks around values', head(ok, 'A: \t b \t', 'B:c', 'C: \t ', 'D:', 'Content-Length: \t0'), {
    fields: ['A', 'b', 'B', 'c', 'C', '', 'D', '', 'Content-Length', '0'],
  }),
  good('blanks behind a length', `${lengthOf('2 \t')}ok`, { body: 'ok', fields: ['Content-Length', '2'] }),
  good('blanks and colons within values', head(ok, 'A: b \t c: d', 'Content-Length: 0'), {
    fields: ['A', 'b \t c: d', 'Content-Length', '0'],
  }),
  good('values beyond ASCII', head(ok, 'A: \xa0\xe9\x80\xff\xa0', 'Content-Length: 0'), {
    fields: ['A', '\xa0\xe9\x80\xff\xa0', 'Content-Length', '0'],
  }),
  good('every character of a token', head(ok, "!#$%&'*+-.^_`|~09azAZ: v", 'Content-Length: 0'), {
    fields: ["!#$%&'*+-.^_`|~09azAZ", 'v', 'Content-Length', '0'],
  }),
  good('a field several times', head(ok, 'Set-Cookie: a', 'Set-Cookie: b', 'Content-Length: 0'), {
    fields: ['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Content-Length', '0'],
  }),
  good('names of JavaScript', head(ok, '__proto__: a', 'constructor: b', 'Content-Length: 0'), {
    fields: ['__proto__', 'a', 'constructor', 'b', 'Content-Length', '0'],
  }),
  good('as many fields as may be', head(ok, 'Content-Length: 0', ...Array(11).fill('A: b')), {}),
  good('a head as long as may be', headOfLength(1_000), {}),
]

function allBytes(): string {
  return String.fromCharCode(...Array(256).keys())
}

/** Responses that have to be read, each with what they say. */
export const goodResponses: readonly CorpusEntry[] = [
  ...wholeBodies,
  ...chunkedBodies,
  ...statuses,
  ...interims,
  ...heads,
]
