import type { Test } from 'tap'
import type { Clock } from '../../gateway/clock.ts'
import { type BackendRecorder, startBackendRecorder } from './backend-recorder.ts'
import { type GatewayUnderTest, startTestGateway } from './gateway.ts'
import { type IdentityStub, startIdentityStub } from './identity-stub.ts'

/** A gateway between a recording backend and a countable identity provider; all of it ends with the test. */
export interface Scene {
  readonly gateway: GatewayUnderTest
  readonly backend: BackendRecorder
  readonly identity: IdentityStub
  /** Calls the gateway; with a token as Bearer where one is given. */
  call(path: string, options?: RequestInit & { token?: string }): Promise<Response>
}

interface SceneOptions {
  /** Options of the configuration file besides `identity` and `routes`. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The routes, once the backend's URL is known. */
  readonly routes?: (backendUrl: string) => Readonly<Record<string, unknown>>
  /** The identity option, once the provider is there. */
  readonly identity?: (stub: IdentityStub) => unknown
  readonly clock?: Clock
  readonly beforeCall?: () => void
}

/** By default `/api1` needs the role USER and `/api2` is open; the token `good` belongs to the client Tracks. */
export async function setScene(t: Test, options: SceneOptions = {}): Promise<Scene> {
  const backend = await startBackendRecorder()
  const identity = await startIdentityStub()
  identity.tokens.set('good', { client: 'Tracks', roles: 'USER', scope: 'user', rateLimit: 1_000 })
  const routes = options.routes?.(backend.url) ?? {
    '/api1': { to: backend.url, roles: ['USER'], queryToken: true },
    '/api2': { to: backend.url, auth: 'none' },
  }
  const identityOption = options.identity?.(identity) ?? { verify: identity.verifyUrl }
  const gateway = await startTestGateway(
    { identity: identityOption, routes, ...options.config },
    options.clock,
  )
  t.teardown(async () => {
    await gateway.close()
    await Promise.all([backend.close(), identity.close()])
  })
  return {
    gateway,
    backend,
    identity,
    call: (path, { token, ...init } = {}) => {
      options.beforeCall?.()
      const authorization = token && { authorization: `Bearer ${token}` }
      const headers = { ...(init.headers as Record<string, string>), ...authorization }
      return fetch(gateway.url + path, { ...init, headers })
    },
  }
}

/** Reads a problem document, and holds what every one of them must be. */
export async function readProblem(t: Test, response: Response): Promise<Record<string, unknown>> {
  const problem = (await response.json()) as Record<string, unknown>
  t.equal(response.headers.get('content-type'), 'application/problem+json')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(problem.status, response.status)
  t.equal(problem.request_id, response.headers.get('x-request-id'))
  t.match(problem, { type: String, title: String, code: String, cure: String })
  return problem
}
