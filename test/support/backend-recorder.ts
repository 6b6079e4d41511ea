import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as a backend saw it. */
export interface RecordedRequest {
  readonly method: string
  readonly url: string
  /** Names and values in turn, as they came over the wire. */
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A backend that remembers every request and answers as it is told. */
export interface BackendRecorder {
  readonly url: string
  readonly requests: RecordedRequest[]
  /** What it answers; by default 200 with a short JSON body. */
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
  close(): Promise<void>
}

export async function startBackendRecorder(): Promise<BackendRecorder> {
  const requests: RecordedRequest[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return
    }
    const body = Buffer.concat(chunks).toString('latin1')
    const { method = '', url = '', rawHeaders, headers } = request
    requests.push({ method, url, rawHeaders, headers, body })
    recorder.answer(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const recorder: BackendRecorder = {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: (_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'cache-control': 'max-age=60, public, s-maxage=60',
      })
      response.end('{"ok":true}')
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return recorder
}
