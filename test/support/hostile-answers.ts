import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => void

/** It is in every hostile answer, and may be nowhere else. */
export const bodySentinel = 'SENTINEL0body0SENTINEL'

interface RawAnswerHead {
  readonly status?: number
  readonly type?: string
  readonly [header: string]: string | number | undefined
}

/** Answers with these bytes, as they are. */
export function sendRawBody(
  body: string | Buffer,
  { status = 200, type = 'application/json', ...headers }: RawAnswerHead = {},
): Misbehaviour {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(body)
  }
}

/** Writes on the bare connection, again and again where a pause is given, until it is closed. */
function writeBare(start: string, more?: string): Misbehaviour {
  return ({ socket }) => {
    socket.on('error', () => undefined)
    socket.write(start)
    if (more === undefined) return
    const timer = setInterval(() => socket.write(more), 5)
    socket.on('close', () => clearInterval(timer))
  }
}

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

/**
 * What a server can do wrong below its JSON, whatever it was asked for. A good answer is put where a careless reader would
 * find it.
 */
export function brokenTransports(good: string): Readonly<Record<string, Misbehaviour>> {
  const marked = good.replace(/\}$/, `,"note":"${bodySentinel}"}`)
  return {
    HTML: sendRawBody(`<html><body>${bodySentinel}</body></html>`, { type: 'text/html' }),
    'HTML that says it is JSON': sendRawBody(`<html>${bodySentinel}</html>`),
    'an empty body': sendRawBody(''),
    '10 MB': sendRawBody(Buffer.alloc(10_000_000, `${bodySentinel} `)),
    '10 MB of space before a good answer': sendRawBody(' '.repeat(10_000_000) + marked),
    'a gzip bomb': sendRawBody(gzipSync(Buffer.alloc(50_000_000, ' ')), { 'content-encoding': 'gzip' }),
    'a good answer in gzip': sendRawBody(gzipSync(marked), { 'content-encoding': 'gzip' }),
    'a redirect': sendRawBody(marked, { status: 302, location: 'http://127.0.0.1:1/' }),
    'a redirect that keeps the method': sendRawBody(marked, { status: 307, location: '/elsewhere' }),
    'not modified': sendRawBody('', { status: 304 }),
    'no content': sendRawBody('', { status: 204 }),
    'a part of an answer': sendRawBody(marked, { status: 206, 'content-range': 'bytes 0-9/10' }),
    created: sendRawBody(marked, { status: 201 }),
    'too many requests': sendRawBody(marked, { status: 429 }),
    'a failure': sendRawBody(marked, { status: 500 }),
    'a failure in HTML': sendRawBody(`<h1>${bodySentinel}</h1>`, { status: 502, type: 'text/html' }),
    'invalid UTF-8': sendRawBody(
      Buffer.concat([Buffer.from(marked.slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]),
    ),
    'UTF-16': sendRawBody(Buffer.from(marked, 'utf16le')),
    'JSON with a comment': sendRawBody(`${marked} // ${bodySentinel}`),
    'two answers': sendRawBody(marked + marked),
    'a number': sendRawBody('7'),
    null: sendRawBody('null'),
    'a string': sendRawBody(`"${bodySentinel}"`),
    'an array with a good answer': sendRawBody(`[${marked}]`),
    'deep nesting': sendRawBody(`${'['.repeat(30_000)}${']'.repeat(30_000)}`),
    'deep nesting without end': sendRawBody('{"a":'.repeat(12_000)),
    'no answer': () => undefined,
    'a cut connection': ({ socket }) => socket.destroy(),
    'a connection cut in the body': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': marked.length + 1 })
      response.write(marked, () => response.destroy())
    },
    'half an answer and silence': (_request, response) => {
      response.writeHead(200, { 'content-length': marked.length }).write(marked.slice(0, -1))
    },
    'an endless body': writeBare(`${head}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'),
    'headers without end': writeBare(head, `X-Filler: ${bodySentinel}\r\n`),
    'one header without end': writeBare(`${head}X-Filler: `, bodySentinel.repeat(10)),
    'interim answers without end': writeBare('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    'another protocol': writeBare(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ),
    'no HTTP': writeBare(`${bodySentinel}\r\n\r\n`),
    'two lengths': writeBare(`${head}Content-Length: 3\r\nContent-Length: ${marked.length}\r\n\r\n${marked}`),
    'a length and chunks': writeBare(
      `${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n${marked}`,
    ),
    'a header with a null byte': writeBare(`${head}X-A: \0${bodySentinel}\r\n\r\n`),
  }
}
