import type { Test } from 'tap'
import { stringify } from 'yaml'
import { ClientAddresses } from '../../common/client-address.ts'
import { startListening } from '../../common/running-server.ts'
import { createApp } from '../../gateway/app.ts'
import { Backend } from '../../gateway/backends/backend.ts'
import { EntryHeaderRules } from '../../gateway/backends/header-rules.ts'
import { RouteTable } from '../../gateway/backends/route-table.ts'
import { watchEndpoints } from '../../gateway/backends/watched-endpoints.ts'
import { parseGatewayConfig } from '../../gateway/config/load.ts'
import type { Gateway } from '../../gateway/handle-request.ts'
import { type BackendRecorder, startBackendRecorder } from './backend-recorder.ts'
import { captureLog } from './captured-log.ts'
import { type RevocationRecorder, recordRevocations } from './revocation-recorder.ts'

/** A gateway whose open routes lead to one authorization server, with what it learns on the way. */
export interface WatchedGateway {
  readonly url: string
  readonly server: BackendRecorder
  readonly recorder: RevocationRecorder
  /** Tokens whose meaning was fetched ahead, in order. */
  readonly prefetched: string[]
  readonly logLines: readonly string[]
  countUnread(): number
  post(path: string, form: string, headers?: Readonly<Record<string, string>>): Promise<Response>
}

const formType = { 'content-type': 'application/x-www-form-urlencoded' }

/**
 * `/oauth/token` and `/oauth/revoke` are watched, on the route `/oauth`, whose prefix is taken off.
 *
 * @param to Another server than the recorder.
 */
export async function startWatchedGateway(t: Test, to?: string): Promise<WatchedGateway> {
  const server = await startBackendRecorder()
  const settings = parseGatewayConfig({
    fileName: 'test.yaml',
    env: {},
    text: stringify({
      identity: {
        verify: 'http://127.0.0.1:1/',
        tokenEndpoint: '/oauth/token',
        revocationEndpoint: '/oauth/revoke',
      },
      routes: {
        '/oauth': { to: to ?? server.url, auth: 'none', stripPrefix: true, passAuthorization: true },
      },
    }),
  })
  const recorder = recordRevocations()
  const prefetched: string[] = []
  let unread = 0
  const watches = watchEndpoints(settings.identities, {
    prefetcherOf: () => ({ prefetch: (token) => prefetched.push(token) }),
    intake: recorder.intake,
    onUnread: () => {
      unread += 1
    },
  })
  const backends: Backend[] = []
  const open = (to: string) => {
    const backend = new Backend(to, settings.timeouts)
    backends.push(backend)
    return backend
  }
  const { lines, log } = captureLog()
  // Open routes need neither tokens nor a ledger.
  const gateway = {
    headerRules: new EntryHeaderRules(settings.headers),
    headerNames: settings.headers,
    routes: new RouteTable(settings.routes, { backendOf: open, tokensOf: () => undefined, watches }),
  } as unknown as Gateway
  const app = createApp({
    gateway,
    addresses: new ClientAddresses([]),
    timeouts: settings.timeouts,
    log,
    onDone: () => undefined,
  })
  const { url, close } = await startListening(app, { host: '127.0.0.1', port: 0 }, 'the gateway')
  t.teardown(async () => {
    app.server.closeAllConnections()
    await close()
    await server.close()
    await Promise.all(backends.map((backend) => backend.close()))
  })
  return {
    url,
    server,
    recorder,
    prefetched,
    logLines: lines,
    countUnread: () => unread,
    post: (path, body, headers = formType) => fetch(url + path, { method: 'POST', body, headers }),
  }
}
