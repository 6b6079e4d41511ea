import { malformedBodies } from './malformed-bodies.ts'
import { bad, type CorpusEntry, head, headOfLength, lengthOf, ok } from './response-corpus.ts'

const notHttp = 'no status line of HTTP/1.0 or HTTP/1.1'
const loneCr = 'a carriage return without a line feed'
const loneLf = 'a line feed without a carriage return'
const control = 'a control character'
const noName = 'a field name that is no token'
const noLength = 'a Content-Length that is none'
const otherCoding = 'a transfer coding other than chunked'

function badField(name: string, line: string, refusal: string): CorpusEntry {
  return bad(name, head(ok, 'Content-Length: 0', line, 'X-After: 1'), refusal)
}

const badStatusLines: readonly CorpusEntry[] = [
  ...[
    ['HTTP/2', 'HTTP/2 200 OK'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK'],
    ['HTTP/0.9', 'HTTP/0.9 200 OK'],
    ['HTTP/1.10', 'HTTP/1.10 200 OK'],
    ['HTTP/1.', 'HTTP/1. 200 OK'],
    ['HTTP/11', 'HTTP/11 200 OK'],
    ['a protocol in small letters', 'http/1.1 200 OK'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6'],
    ['ICY', 'ICY 200 OK'],
    ['RTSP', 'RTSP/1.0 200 OK'],
    ['a request', 'GET / HTTP/1.1'],
    ['a blank before the protocol', ' HTTP/1.1 200 OK'],
    ['a byte order mark', '\xef\xbb\xbfHTTP/1.1 200 OK'],
    ['no version', 'HTTP 200 OK'],
    ['no blank before the status', 'HTTP/1.1200 OK'],
    ['two blanks before the status', 'HTTP/1.1  200 OK'],
    ['a tab before the status', 'HTTP/1.1\t200 OK'],
    ['no status', 'HTTP/1.1'],
    ['a status of two digits', 'HTTP/1.1 20 OK'],
    ['a status of four digits', 'HTTP/1.1 2000 OK'],
    ['a status with a sign', 'HTTP/1.1 +20 OK'],
    ['a status of letters', 'HTTP/1.1 2OO OK'],
    ['a status with a fraction', 'HTTP/1.1 200.1 OK'],
    ['a tab behind the status', 'HTTP/1.1 200\tOK'],
    ['a reason that touches the status', 'HTTP/1.1 200OK'],
  ].map(([name = '', line = '']) => bad(name, head(line, 'Content-Length: 0'), notHttp)),
  ...['000', '099', '600', '999'].map((status) =>
    bad(`status ${status}`, head(`HTTP/1.1 ${status} Hm`, 'Content-Length: 0'), 'a status outside 100-599'),
  ),
  bad('an empty line before the head', `\r\n${lengthOf(0)}`, notHttp),
  bad(
    'an empty line between interim and final response',
    `${head('HTTP/1.1 100 C')}\r\n${lengthOf(0)}`,
    notHttp,
  ),
  bad('a body without a head', '<html>hello</html>', notHttp),
  bad('a TLS alert', '\x15\x03\x03\x00\x02\x02\x28', notHttp),
  bad('a NUL in the reason', head('HTTP/1.1 200 O\0K'), control),
  bad('an escape in the reason', head('HTTP/1.1 200 \x1b[2J'), control),
  bad('a DEL in the reason', head('HTTP/1.1 200 \x7f'), control),
  bad('a bare CR in the reason', head('HTTP/1.1 200 O\rK'), loneCr),
  bad('a bare LF behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', loneLf),
  bad('a bare CR behind the status line', 'HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n', loneCr),
  bad('a bare LF right behind the status', 'HTTP/1.1 200\nContent-Length: 0\r\n\r\n', loneLf),
]

const badFields: readonly CorpusEntry[] = [
  badField('a folded line', ' folded: 1', 'a folded line'),
  badField('a line folded with a tab', '\tfolded', 'a folded line'),
  badField('a line of blanks', ' ', 'a folded line'),
  bad('a folded line behind the status line', head(ok, ' Content-Length: 0'), 'a folded line'),
  badField('a blank before the colon', 'A : b', 'a blank in a field name'),
  badField('a tab before the colon', 'A\t: b', 'a blank in a field name'),
  badField('a blank within a name', 'A B: b', 'a blank in a field name'),
  bad(
    'a blank before the colon of a length',
    `${head(ok, 'Content-Length : 2')}ok`,
    'a blank in a field name',
  ),
  badField('an empty name', ': b', 'an empty field name'),
  badField('no colon', 'Nothing', 'a line without a colon'),
  ...[
    '(',
    ')',
    '<',
    '>',
    '@',
    ',',
    ';',
    '\\',
    '"',
    '/',
    '[',
    ']',
    '?',
    '=',
    '{',
    '}',
    '\xe9',
    '\0',
    '\x7f',
  ].map((char) => badField(`${JSON.stringify(char)} in a name`, `A${char}B: b`, noName)),
  ...['\0', '\x01', '\b', '\v', '\f', '\x1b', '\x1f', '\x7f'].map((char) =>
    badField(`${JSON.stringify(char)} in a value`, `A: b${char}c`, control),
  ),
  badField('a NUL at the start of a value', 'A:\0', control),
  badField('a bare CR in a value', 'A: b\rC: d', loneCr),
  badField('a bare LF in a value', 'A: b\nC: d', loneLf),
  badField('a bare CR in a name', 'A\rB: c', loneCr),
  badField('a bare LF in a name', 'A\nB: c', loneLf),
  badField('a bare CR at the start of a line', '\rA: b', loneCr),
  badField('a bare LF at the start of a line', '\nA: b', loneLf),
  badField('two CR at the end of a line', 'A: b\r', loneCr),
  bad('a head of bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', loneLf),
  bad('a head that ends with a bare LF', `${ok}\r\nContent-Length: 0\r\n\n`, loneLf),
  bad('a head that ends with LF CR LF', `${ok}\r\nContent-Length: 0\n\r\n`, loneLf),
  bad('a head that ends with CR CR LF', `${ok}\r\nContent-Length: 0\r\n\r\r\n`, loneCr),
  bad('one field too many', head(ok, 'Content-Length: 0', ...Array(12).fill('A: b')), 'too many fields'),
  bad('far too many fields', head(ok, ...Array(190).fill('A:')), 'too many fields'),
  bad('a head one byte too long', headOfLength(1_001), 'a head that is too long'),
  bad('a head that never ends', `${ok}\r\nA: ${'a'.repeat(5_000)}`, 'a head that is too long'),
  bad('a status line that never ends', `${ok}${'a'.repeat(5_000)}`, 'a head that is too long'),
]

const badFraming: readonly CorpusEntry[] = [
  ...['', '-1', '+5', '0x5', '5.0', '5e1', '5 5', 'five', '\xb2', '5;', ',', '5,', ',5', '5,,5', '"5"'].map(
    (value) =>
      bad(
        `the length ${JSON.stringify(value)}`,
        `${lengthOf(value)}hello`,
        value.includes(',') && value !== ',' ? 'several lengths' : noLength,
      ),
  ),
  bad('a length beyond what can be counted', lengthOf('9007199254740992'), noLength),
  bad('a length of a hundred digits', lengthOf('9'.repeat(100)), noLength),
  bad('two lengths', `${head(ok, 'Content-Length: 5', 'Content-Length: 6')}hello`, 'several lengths'),
  bad(
    'two spellings of one length',
    `${head(ok, 'Content-Length: 5', 'Content-Length: 05')}hello`,
    'several lengths',
  ),
  bad('a list of lengths', `${lengthOf('5, 6')}hello`, 'several lengths'),
  bad('two lengths for a HEAD', head(ok, 'Content-Length: 5', 'Content-Length: 6'), 'several lengths'),
  bad(
    'a length and a coding',
    `${head(ok, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'both Content-Length and Transfer-Encoding',
  ),
  bad(
    'a coding and a length',
    `${head(ok, 'Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`,
    'both Content-Length and Transfer-Encoding',
  ),
  ...[
    '',
    'gzip',
    'identity',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
    'chunked,',
    ', chunked',
    'chunked\xa0',
  ].map((coding) =>
    bad(
      `the coding ${JSON.stringify(coding)}`,
      `${head(ok, `Transfer-Encoding: ${coding}`)}0\r\n\r\n`,
      otherCoding,
    ),
  ),
  bad(
    'a coding twice',
    `${head(ok, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    otherCoding,
  ),
  bad(
    'two codings',
    `${head(ok, 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    otherCoding,
  ),
  bad(
    'a coding in HTTP/1.0',
    `${head('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'a transfer coding in HTTP/1.0',
  ),
  bad('another coding of a 304', head('HTTP/1.1 304 No', 'Transfer-Encoding: gzip'), otherCoding),
  bad(
    'an upgrade',
    head('HTTP/1.1 101 Switching Protocols', 'Upgrade: x'),
    'an upgrade that nobody asked for',
  ),
  bad(
    'seventeen interim responses',
    head('HTTP/1.1 100 C').repeat(17) + lengthOf(0),
    'too many interim responses',
  ),
  { ...bad('a tunnel', head(ok), 'a tunnel'), method: 'CONNECT' },
]

/** Responses that have to be refused, each with the reason. */
export const malformedResponses: readonly CorpusEntry[] = [
  ...badStatusLines,
  ...badFields,
  ...badFraming,
  ...malformedBodies,
]
