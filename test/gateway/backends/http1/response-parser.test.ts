/** What the parser of the backends' responses tells and refuses, each response of the corpus in every cut. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { ResponseMalformed, ResponseParser } from '../../../../gateway/backends/http1/response-parser.ts'
import { goodResponses } from '../../../support/good-responses.ts'
import { malformedResponses } from '../../../support/malformed-responses.ts'
import { byteByByte, readResponse } from '../../../support/read-response.ts'
import { corpusLimits, head } from '../../../support/response-corpus.ts'

const limits = corpusLimits
const corpus = [...goodResponses, ...malformedResponses]

t.test('the corpus is large, and no two of its entries have one name', async (t) => {
  t.ok(corpus.length >= 150)
  t.equal(new Set(corpus.map(({ name }) => name)).size, corpus.length)
})

for (const entry of corpus) {
  const { method, text } = entry
  const bytes = Buffer.from(text, 'latin1')
  const whole = readResponse({ method, pieces: [bytes], limits })

  t.test(`${entry.refusal === undefined ? 'is read' : 'is refused'}: ${entry.name}`, async (t) => {
    t.equal(whole.refusal, entry.refusal ?? '')
    if (entry.refusal !== undefined) return t.equal(whole.canBeReused, false)
    t.ok(whole.isEnded)
    t.equal(whole.head?.status, entry.status)
    t.equal(whole.body, entry.body)
    t.same(whole.interims, entry.interims)
    t.equal(whole.canBeReused, entry.reuse)
    if (entry.connection !== undefined) t.equal(whole.head?.connection, entry.connection)
    if (entry.fields !== undefined) t.same(whole.head?.fields, entry.fields)
  })

  t.test(`is the same in every cut: ${entry.name}`, async (t) => {
    const differs = (pieces: readonly Buffer[]) =>
      !isDeepStrictEqual(readResponse({ method, pieces, limits }), whole)
    const places = Array.from(bytes.keys()).slice(1)
    const different = places.filter((place) => differs([bytes.subarray(0, place), bytes.subarray(place)]))
    t.same(different, [], 'cut before these bytes')
    t.notOk(differs(byteByByte(bytes)), 'byte by byte')
  })
}

const deaf = { onInterim() {}, onHead() {}, onBody() {}, onEnd() {} }
const empty = Buffer.from(head('HTTP/1.1 200 OK', 'Content-Length: 0'))

t.test('the length of a body is told with its head', async (t) => {
  const lengthOf = (method: string, text: string) =>
    readResponse({ method, pieces: [Buffer.from(text)], limits }).head?.bodyLength
  t.equal(
    lengthOf('GET', head('HTTP/1.1 200 OK', 'Content-Length: 9007199254740991')),
    Number.MAX_SAFE_INTEGER,
  )
  t.equal(lengthOf('HEAD', head('HTTP/1.1 200 OK', 'Content-Length: 7')), 0)
  t.equal(lengthOf('GET', head('HTTP/1.1 304 Not Modified', 'Content-Length: 7')), 0)
  t.equal(lengthOf('GET', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')), undefined)
  t.equal(lengthOf('GET', head('HTTP/1.1 200 OK')), undefined)
})

t.test('a chunk as large as may be is waited for', async (t) => {
  const parser = new ResponseParser(limits)
  parser.begin('GET', deaf)
  parser.execute(Buffer.from(`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}1000000000000\r\nx`))
  t.notOk(parser.isIdle)
})

t.test('a body arrives as a view of what was read, without a copy', async (t) => {
  const parser = new ResponseParser(limits)
  const heard: Buffer[] = []
  parser.begin('GET', { ...deaf, onBody: (bytes) => heard.push(bytes) })
  const first = Buffer.from(`${head('HTTP/1.1 200 OK', 'Content-Length: 6')}one`)
  const second = Buffer.from('two')
  parser.execute(first)
  parser.execute(second)
  t.same(heard.map(String), ['one', 'two'])
  t.equal(heard[0]?.buffer, first.buffer)
  t.equal(heard[0]?.byteOffset, first.byteOffset + first.length - 3)
  t.equal(heard[1], second)
})

t.test('one connection carries many responses, the next one begun while the last one ends', async (t) => {
  const parser = new ResponseParser(limits)
  t.ok(parser.isIdle && parser.canBeReused)
  let ends = 0
  const listener = {
    ...deaf,
    onEnd: () => {
      ends += 1
      t.ok(parser.isIdle && parser.canBeReused)
      parser.begin('GET', listener)
      t.notOk(parser.isIdle || parser.canBeReused)
    },
  }
  parser.begin('GET', listener)
  const chunked = `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\nA: b\r\n\r\n`
  for (let i = 0; i < 5; i += 1)
    for (const bytes of [empty, Buffer.from(chunked)]) {
      parser.execute(bytes)
      for (const byte of byteByByte(bytes)) parser.execute(byte)
    }
  t.equal(ends, 20)
})

t.test('each response may have as many interim responses as the one before', async (t) => {
  const parser = new ResponseParser(limits)
  for (let i = 0; i < 3; i += 1) {
    parser.begin('GET', deaf)
    parser.execute(Buffer.from(head('HTTP/1.1 100 Continue').repeat(16)))
    parser.execute(empty)
  }
  t.ok(parser.canBeReused)
})

t.test('trailers are counted for each response by itself', async (t) => {
  const parser = new ResponseParser(limits)
  const start = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
  const trailers = `0\r\n${`A:${'a'.repeat(76)}\r\n`.repeat(12)}\r\n`
  for (let i = 0; i < 3; i += 1) {
    parser.begin('GET', deaf)
    parser.execute(Buffer.from(start + trailers))
  }
  t.ok(parser.canBeReused)
})

t.test('surplus bytes are known when the end of the response is told', async (t) => {
  const parser = new ResponseParser(limits)
  const heard: boolean[] = []
  parser.begin('GET', { ...deaf, onEnd: () => heard.push(parser.canBeReused) })
  t.throws(() => parser.execute(Buffer.concat([empty, empty])), ResponseMalformed)
  t.same(heard, [false])
})

t.test('nobody can wait for a response on a connection that carries none', async (t) => {
  const waiting = new ResponseParser(limits)
  waiting.begin('GET', deaf)
  t.throws(() => waiting.begin('GET', deaf))

  const closing = new ResponseParser(limits)
  closing.begin('GET', deaf)
  closing.execute(Buffer.from(head('HTTP/1.1 204 No Content', 'Connection: close')))
  t.ok(closing.isIdle)
  t.throws(() => closing.begin('GET', deaf))

  const closed = new ResponseParser(limits)
  closed.finish()
  t.notOk(closed.canBeReused)
  t.throws(() => closed.begin('GET', deaf))
})

t.test('bytes that come before a request are refused', async (t) => {
  const parser = new ResponseParser(limits)
  parser.execute(Buffer.alloc(0))
  t.ok(parser.canBeReused)
  t.throws(() => parser.execute(empty), ResponseMalformed)
  t.notOk(parser.canBeReused)
})

t.test('after a refusal nothing more is read, and the end of the connection is no news', async (t) => {
  const parser = new ResponseParser(limits)
  parser.begin('GET', { ...deaf, onHead: () => t.fail('heard of a head') })
  t.throws(() => parser.execute(Buffer.from('SSH-2.0')), ResponseMalformed)
  t.throws(() => parser.execute(empty), ResponseMalformed)
  parser.finish()
  t.notOk(parser.canBeReused)
})

t.test('what a listener throws comes through, and nothing more is read', async (t) => {
  const parser = new ResponseParser(limits)
  const fault = new Error('the listener is broken')
  const throwing = () => {
    throw fault
  }
  parser.begin('GET', { ...deaf, onEnd: throwing })
  t.throws(() => parser.execute(empty), fault)
  t.notOk(parser.canBeReused)
})

t.test('the end of the connection ends a body that has no other end, once', async (t) => {
  const parser = new ResponseParser(limits)
  let ends = 0
  parser.begin('GET', { ...deaf, onEnd: () => (ends += 1) })
  parser.execute(Buffer.from(head('HTTP/1.1 200 OK')))
  t.equal(ends, 0)
  parser.finish()
  parser.finish()
  t.equal(ends, 1)
  t.ok(parser.isIdle)
  t.notOk(parser.canBeReused)
})

t.test('another protocol is refused by its first byte, a bad line by its end', async (t) => {
  const readsOn = (text: string) => {
    const parser = new ResponseParser(limits)
    parser.begin('GET', deaf)
    try {
      parser.execute(Buffer.from(text, 'latin1'))
      return true
    } catch {
      return false
    }
  }
  t.notOk(readsOn('S'))
  t.notOk(readsOn('HTTP/2'))
  t.notOk(readsOn('HTTP/1.1 200 OK\n'))
  t.notOk(readsOn('HTTP/1.1 200 OK\r\nA : b\r\n'))
  t.ok(readsOn('HTTP/1.1 200 OK\r\nA : b'))
})

t.test('no message holds bytes of the answer', async (t) => {
  for (const { refusal = '' } of corpus) t.match(refusal, /^[\w /^.-]*$/)
  const error = new ResponseMalformed('a reason')
  t.equal(error.message, "the backend's answer is malformed: a reason")
})
