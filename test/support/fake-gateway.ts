import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GatewayTarget } from '../../oauth-server/config/gateway-options.ts'
import type { Owner } from './owner.ts'

/** What a gateway was told: the body, in JSON. */
export type Told = Readonly<Record<string, unknown>>

/** How a fake gateway answers one revocation; it takes it by default. */
export type FakeAnswer = (told: Told, response: ServerResponse) => void

/** A revocation endpoint that behaves as badly as a test wants. */
export interface FakeGateway {
  readonly target: GatewayTarget
  /** All that it was sent, whatever it answered. */
  readonly sent: Told[]
  /** What it has answered 204 to. */
  readonly taken: Told[]
  answer: FakeAnswer
}

export const fakeSecret = 's3ntinel-of-the-gateways'

export async function startFakeGateway(owner: Owner): Promise<FakeGateway> {
  const sent: Told[] = []
  const taken: Told[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const told = JSON.parse(text) as Told
    sent.push(told)
    if (request.method !== 'POST' || request.headers.authorization !== `Bearer ${fakeSecret}`) {
      response.writeHead(401).end()
      return
    }
    response.once('finish', () => {
      if (response.statusCode === 204) taken.push(told)
    })
    gateway.answer(told, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  owner.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const gateway: FakeGateway = {
    target: { url: `http://127.0.0.1:${port}/revocations`, secret: fakeSecret },
    sent,
    taken,
    answer: take,
  }
  return gateway
}

export const take: FakeAnswer = (_told, response) => void response.writeHead(204).end()
