import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BackendRecorder, startBackendRecorder } from './backend-recorder.ts'

/** What the stub knows of a token, in the original platform's shape. */
export interface StubToken {
  readonly client: string
  readonly roles?: string
  readonly scope?: string
  readonly rateLimit?: number
  readonly rateLimitWindow?: number
  readonly expires?: number
}

/**
 * An identity provider for tests that need one to misbehave or to be counted: `/verifToken` in the original's shape and
 * `/introspect` after RFC 7662, both from one map of tokens. The journeys use the real oauth-server instead.
 */
export interface IdentityStub {
  readonly verifyUrl: string
  readonly introspectUrl: string
  readonly tokens: Map<string, StubToken>
  readonly recorder: BackendRecorder
  /** Takes over from the map while it is set. */
  misbehave: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  close(): Promise<void>
}

export async function startIdentityStub(): Promise<IdentityStub> {
  const recorder = await startBackendRecorder()
  const stub: IdentityStub = {
    verifyUrl: `${recorder.url}/verifToken`,
    introspectUrl: `${recorder.url}/introspect`,
    tokens: new Map(),
    recorder,
    misbehave: undefined,
    close: () => recorder.close(),
  }
  recorder.answer = (request, response, body) => {
    if (stub.misbehave !== undefined) return stub.misbehave(request, response)
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://stub')
    if (pathname === '/introspect') {
      const asked = new URLSearchParams(body).get('token') ?? ''
      return sendJson(response, 200, introspection(stub.tokens.get(asked)))
    }
    const token = stub.tokens.get(searchParams.get('access_token') ?? '')
    if (token === undefined) return sendJson(response, 401, { error: 'invalid_token' })
    return sendJson(response, 200, { expires: 3600, ...token })
  }
  return stub
}

function introspection(token: StubToken | undefined): Record<string, unknown> {
  if (token === undefined) return { active: false }
  return {
    active: true,
    client_id: token.client,
    roles: token.roles?.split(','),
    scope: token.scope,
    rate_limit: token.rateLimit,
    rate_limit_window: token.rateLimitWindow,
    exp: Math.floor(Date.now() / 1_000) + (token.expires ?? 3_600),
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
