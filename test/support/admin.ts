import type { Test } from 'tap'
import { Agent } from 'undici'
import { startListening } from '../../common/running-server.ts'
import { createAdminApp } from '../../gateway/admin/app.ts'
import { EventVerifier } from '../../gateway/admin/event-verifier.ts'
import { knownIssuers } from '../../gateway/admin/known-issuers.ts'
import { transmitterKeys } from '../../gateway/admin/transmitter-keys.ts'
import type { Clock } from '../../gateway/clock.ts'
import type { EventTransmitter, IdentitySettings } from '../../gateway/config/settings.ts'
import { Metrics } from '../../gateway/observe/metrics.ts'
import { RevocationLog } from '../../gateway/observe/revocation-log.ts'
import { RevocationIntake } from '../../gateway/revocation-intake.ts'
import { captureLog } from './captured-log.ts'
import { type RevocationRecorder, recordRevocations } from './revocation-recorder.ts'

/** An admin listener on a free port whose revocations are recorded. */
export interface AdminUnderTest {
  readonly url: string
  readonly recorder: RevocationRecorder
  readonly logLines: readonly string[]
  /** The short form, with the right secret unless the headers say otherwise. */
  revoke(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** A Security Event Token, as it is pushed. */
  push(token: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  readMetrics(): Promise<string>
}

export const adminSecret = 'correct-horse-battery-staple'

interface AdminOptions {
  readonly secret?: string | undefined
  readonly transmitters?: readonly EventTransmitter[]
  readonly clock?: Clock
  readonly whenChanged?: 'revoke' | 'refresh'
  /** By default one that is asked about tokens. */
  readonly identities?: readonly IdentitySettings[]
}

const endpoints = { tokenEndpoint: undefined, revocationEndpoint: undefined }
const asked = {
  kind: 'verify',
  name: 'asked',
  url: 'http://idp/',
  credentials: undefined,
  ...endpoints,
} as const

export async function startTestAdmin(t: Test, options: AdminOptions = {}): Promise<AdminUnderTest> {
  const { clock = Date.now, transmitters = [], whenChanged = 'refresh' } = options
  const secret = 'secret' in options ? options.secret : adminSecret
  const recorder = recordRevocations()
  const { lines, log } = captureLog()
  const metrics = new Metrics(() => 0)
  const revocationLog = new RevocationLog(log, metrics.revocations)
  const intake = new RevocationIntake(recorder, revocationLog.revocation)
  const dispatcher = new Agent()
  const connection = { dispatcher, timeoutMs: 2_000 }
  const keysOf = transmitterKeys({ connection, clock, onKeysFailed: revocationLog.keysFailed })
  const app = createAdminApp({
    isReady: () => true,
    metrics,
    revocations: { secret, intake, whenChanged, clock, onRefused: revocationLog.refused },
    events: {
      verifier: new EventVerifier(transmitters, keysOf, clock),
      intake,
      whenChanged,
      providersOf: knownIssuers(options.identities ?? [asked], transmitters),
      onRefused: revocationLog.refused,
      onEvent: revocationLog.event,
      onKeysFailed: revocationLog.keysFailed,
    },
  })
  const { url, close } = await startListening(app, { host: '127.0.0.1', port: 0 }, 'the admin listener')
  t.teardown(async () => {
    await close()
    await dispatcher.close()
    metrics.close()
  })
  const post = (path: string, body: string, headers: Readonly<Record<string, string>>) =>
    fetch(url + path, { method: 'POST', body, headers })
  return {
    url,
    recorder,
    logLines: lines,
    revoke: (body, headers) =>
      post('/revocations', typeof body === 'string' ? body : JSON.stringify(body), {
        'content-type': 'application/json',
        authorization: `Bearer ${adminSecret}`,
        ...headers,
      }),
    push: (token, headers) =>
      post('/events', token, { 'content-type': 'application/secevent+jwt', ...headers }),
    readMetrics: async () => (await fetch(`${url}/metrics`)).text(),
  }
}
