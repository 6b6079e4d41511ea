import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { clientNameOf, meaningOf, tokensOf } from './tokens.ts'

/**
 * What stands around the gateways: a backend that answers 1.1 KB, the identity provider (the original's sub-request) and
 * its token endpoint, which issues fresh tokens. Arguments: the port, and how long an answer about a token takes.
 */
const [port, answerAfterMs] = process.argv.slice(2).map(Number)
const attributes = { title: 'Angus & Julia Stone', pad: 'x'.repeat(1_000) }
const resource = JSON.stringify({ data: [{ type: 'programs', id: '055075-000-A', attributes }] })
const fresh = tokensOf('many')
let lookUps = 0
let issued = 0
const revokedClients = new Set<string>()

const server = createServer(async (request, response) => {
  const target = request.url ?? '/'
  if (target.startsWith('/api')) return answer(response, 200, resource)
  if (target.startsWith('/verifToken')) return await verify(response, target)
  if (target.startsWith('/oauth/token')) return issue(response, target)
  if (target.startsWith('/revoke')) revokedClients.add(parameterOf(target, 'client'))
  return answer(response, 200, JSON.stringify({ lookUps }))
})
server.keepAliveTimeout = 600_000
server.listen(port, '127.0.0.1')

async function verify(response: ServerResponse, target: string): Promise<void> {
  lookUps += 1
  if (answerAfterMs !== undefined && answerAfterMs > 0) await wait(answerAfterMs)
  const token = parameterOf(target, 'access_token')
  const meaning = meaningOf(token)
  if (meaning === undefined || revokedClients.has(clientNameOf(token)))
    answer(response, 401, '{"error":"invalid_token"}')
  else answer(response, 200, JSON.stringify(meaning))
}

function parameterOf(target: string, name: string): string {
  return new URL(target, 'http://world').searchParams.get(name) ?? ''
}

/** A token of the client that the target names; else each of another than the one before. */
function issue(response: ServerResponse, target: string): void {
  issued += 1
  const client = parameterOf(target, 'client')
  const access_token = fresh.fresh(client === '' ? issued % 2_000 : Number(client))
  const body = { access_token, token_type: 'Bearer', expires_in: 86_400 }
  answer(response, 200, JSON.stringify(body))
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}
