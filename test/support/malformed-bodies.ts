import { bad, type CorpusEntry, chunkedHead, head, lengthOf, ok } from './response-corpus.ts'

const noChunkSize = 'a chunk size that is none'
const surplus = 'bytes that nobody asked for'
const ended = 'the connection ended before the response'
const control = 'a control character'
const loneCr = 'a carriage return without a line feed'
const loneLf = 'a line feed without a carriage return'

function badChunks(name: string, chunks: string, refusal: string): CorpusEntry {
  return bad(name, chunkedHead + chunks, refusal)
}

/** Responses with a good head that have to be refused for what follows it, each with the reason. */
export const malformedBodies: readonly CorpusEntry[] = [
  ...[
    '',
    '-1',
    '+1',
    '0x1',
    ' 1',
    '1 ',
    '1\t',
    'g',
    '1 1',
    '1 ;a',
    '1,',
    '.',
    ';a',
    '00000000000000001',
    '1;a\0',
    '1;\x7f',
  ].map((size) =>
    badChunks(`the chunk size ${JSON.stringify(size)}`, `${size}\r\nx\r\n0\r\n\r\n`, noChunkSize),
  ),
  ...[
    '1;',
    '1; a',
    '1;a ',
    '1;a b',
    '1;a =b',
    '1;a=',
    '1;a=b c',
    '1;a="b',
    '1;a="b"c',
    '1;a;;b',
    '1;=a',
    '1;\xe9',
    '1;a=\xe9',
  ].map((size) =>
    badChunks(`the chunk extension ${JSON.stringify(size)}`, `${size}\r\nx\r\n0\r\n\r\n`, noChunkSize),
  ),
  badChunks('a chunk of 2^48 bytes and one', '1000000000001\r\n', 'a chunk that is too large'),
  badChunks('a chunk of sixteen digits', 'ffffffffffffffff\r\n', 'a chunk that is too large'),
  badChunks('a chunk of seventeen digits', '10000000000000000\r\n', noChunkSize),
  badChunks('a chunk extension that never ends', `1;${'e'.repeat(2_000)}`, 'a chunk line that is too long'),
  badChunks('a chunk line one byte too long', `1;${'e'.repeat(271)}\r\n`, 'a chunk line that is too long'),
  badChunks('a bare LF behind a chunk size', '1\nx\r\n0\r\n\r\n', noChunkSize),
  badChunks('a bare CR behind a chunk size', '1\rx\r\n0\r\n\r\n', noChunkSize),
  badChunks('a bare CR in a chunk extension', '1;a\rb\r\nx\r\n0\r\n\r\n', noChunkSize),
  badChunks('a bare LF in a chunk extension', '1;a\nb\r\nx\r\n0\r\n\r\n', noChunkSize),
  ...['x', '0\r\n\r\n', '\n', '\r0', '\rx\n'].map((after) =>
    badChunks(
      `${JSON.stringify(after)} behind a chunk`,
      `1\r\nx${after}`,
      'a chunk that does not end where it should',
    ),
  ),
  badChunks('a folded trailer', '0\r\nA: b\r\n c\r\n\r\n', 'a folded line'),
  badChunks('a trailer without a colon', '0\r\nA\r\n\r\n', 'a line without a colon'),
  badChunks('a blank before the colon of a trailer', '0\r\nA : b\r\n\r\n', 'a blank in a field name'),
  badChunks('a trailer with a NUL', '0\r\nA: \0\r\n\r\n', control),
  badChunks('a trailer with a bare LF', '0\r\nA: b\n\r\n', loneLf),
  badChunks('a trailer with a bare CR', '0\r\nA: b\rc\r\n\r\n', loneCr),
  badChunks('a bare LF instead of the last line', '0\r\n\n', loneLf),
  badChunks('one trailer too many', `0\r\n${'A:\r\n'.repeat(13)}\r\n`, 'too many trailers'),
  badChunks('trailers one byte too long', `0\r\nA:${'v'.repeat(995)}\r\n\r\n`, 'trailers that are too long'),
  badChunks('a trailer that never ends', `0\r\nA:${'v'.repeat(5_000)}`, 'trailers that are too long'),
  bad('one byte too many', `${lengthOf(5)}hello!`, surplus),
  bad('a line end too many', `${lengthOf(5)}hello\r\n`, surplus),
  bad('a second response', `${lengthOf(0)}${lengthOf(0)}`, surplus),
  bad('a byte behind the last chunk', `${chunkedHead}0\r\n\r\nx`, surplus),
  bad('a body of a 204', `${head('HTTP/1.1 204 No', 'Content-Length: 2')}ok`, surplus),
  bad('a body of a 304', `${head('HTTP/1.1 304 No', 'Content-Length: 2')}ok`, surplus),
  { ...bad('a body of a HEAD', `${lengthOf(2)}ok`, surplus), method: 'HEAD' },
  bad('nothing', '', ended),
  bad('half a status line', 'HTTP/1.1 20', ended),
  bad('half a head', `${ok}\r\nA: b\r\n`, ended),
  bad('a head without its last byte', lengthOf(0).slice(0, -1), ended),
  bad('only an interim response', head('HTTP/1.1 100 Continue'), ended),
  bad('a body that is too short', `${lengthOf(5)}hell`, ended),
  bad('a body that is not there', lengthOf(5), ended),
  badChunks('no chunks', '', ended),
  badChunks('half a chunk line', '5', ended),
  badChunks('half a chunk', '5\r\nhel', ended),
  badChunks('half the end of a chunk', '5\r\nhello\r', ended),
  badChunks('no last chunk', '5\r\nhello\r\n', ended),
  badChunks('half the end of the last chunk', '0\r\n\r', ended),
  badChunks('half a trailer', '0\r\nA: b', ended),
]
