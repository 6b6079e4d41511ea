/** The parser beside undici, which reads the same bytes from a real socket: what they differ in is named here. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { goodResponses } from '../../../support/good-responses.ts'
import { malformedResponses } from '../../../support/malformed-responses.ts'
import { readResponse } from '../../../support/read-response.ts'
import { readWithUndici, serveResponses } from '../../../support/undici-reading.ts'

/** What only undici reads to its end, and why the parser refuses it. */
const onlyUndiciReads: Readonly<Record<string, readonly string[]>> = {
  'only HTTP/1.0 and HTTP/1.1 were asked for': ['HTTP/2.0', 'HTTP/0.9', 'RTSP'],
  'these statuses mean nothing (RFC 9110 §15)': ['status 600', 'status 999'],
  'only servers ignore an empty line before a message (RFC 9112 §2.2)': ['an empty line before the head'],
  'controls are no part of a reason phrase (RFC 9112 §4)': [
    'a NUL in the reason',
    'an escape in the reason',
    'a DEL in the reason',
  ],
  'the body would be forwarded in a coding that nobody is told of (RFC 9112 §6.1)': [
    'the coding ""',
    'the coding "gzip"',
    'the coding "identity"',
    'the coding "gzip, chunked"',
    'the coding "chunked, gzip"',
    'the coding "xchunked"',
    'the coding "chunked;q=1"',
    'the coding "\\"chunked\\""',
    'the coding "chunked,"',
    'the coding ", chunked"',
    'the coding "chunked\xa0"',
    'two codings',
    'another coding of a 304',
  ],
  'a body must not be chunked twice (RFC 9112 §6.1)': ['the coding "chunked, chunked"', 'a coding twice'],
  'the framing of HTTP/1.0 with a coding is to be seen as faulty (RFC 9112 §6.1)': ['a coding in HTTP/1.0'],
  'a size of more than sixteen digits may overflow for others': ['the chunk size "00000000000000001"'],
  'an extension has a name, and behind an equals sign a value (RFC 9112 §7.1.1)': [
    'the chunk extension "1;a="',
    'the chunk extension "1;a;;b"',
    'the chunk extension "1;=a"',
  ],
}

/** What both read to its end, but not the same, and why the parser reads it as it does. */
const readDifferently: Readonly<Record<string, readonly string[]>> = {
  'blanks behind a value are no part of it (RFC 9112 §5.1)': ['blanks around values'],
}

/** What only the parser reads to its end, and why that is no danger. */
const onlyParserReads: Readonly<Record<string, readonly string[]>> = {
  'a length told several times is forwarded once (RFC 9110 §8.6)': [
    'two equal lengths',
    'a list of equal lengths',
  ],
  'a trailer frames nothing and is thrown away (RFC 9112 §7.1.2)': ['trailers that would frame'],
  'every client has to read past a 100 that it did not expect (RFC 9110 §15.2)': ['a 100 before'],
  'the final response still comes before the connection closes (RFC 9112 §9.6)': ['one that closes before'],
  'undici counts a blank behind a length as a digit': ['blanks behind a length'],
}

/** Generous, as undici's are. */
const limits = { maxHeadBytes: 16_384, maxFields: 1_000 }

/** undici hands the connection of a CONNECT over to its caller, whatever the response. */
const entries = [...goodResponses, ...malformedResponses].filter(({ method }) => method !== 'CONNECT')

t.test('the parser and undici read the same of a response, but for what is named', async (t) => {
  const responses = entries.map(({ text }) => Buffer.from(text, 'latin1'))
  const server = await serveResponses(responses)
  t.teardown(() => server.close())
  const found = { onlyUndici: [] as string[], onlyParser: [] as string[], different: [] as string[] }
  let both = 0
  for (const [index, { name, method }] of entries.entries()) {
    const { isEnded, ...other } = await readWithUndici(server, method, `/${index}`)
    const own = readResponse({ method, pieces: responses.slice(index, index + 1), limits })
    if (isEnded && !own.isEnded) found.onlyUndici.push(name)
    if (own.isEnded && !isEnded) found.onlyParser.push(name)
    if (!own.isEnded || !isEnded) continue
    both += 1
    const { status, fields } = own.head ?? {}
    if (!isDeepStrictEqual({ status, fields, body: own.body }, other)) found.different.push(name)
  }
  t.same(found.onlyUndici.sort(), namesIn(onlyUndiciReads))
  t.same(found.onlyParser.sort(), namesIn(onlyParserReads))
  t.same(found.different.sort(), namesIn(readDifferently))
  t.ok(both > 80, `${both} are read by both`)
})

function namesIn(named: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.values(named).flat().sort()
}
