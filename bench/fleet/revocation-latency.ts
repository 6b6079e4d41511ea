import { atMost, beside, type Figure, NotMeasurable, quantile } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { Calls } from './calls.ts'
import { type GatewayProcess, revocationSecret, startGateways, startRedis, startWorld } from './fleet.ts'
import { clientNameOf, tokensOf } from './tokens.ts'

const processes = 4
const revocations = 200
/** A process that accepts a revoked token longer than this is not waited for. */
const patienceMs = 10_000

/**
 * How long a process goes on accepting a token after a revocation was answered, at whichever process it was asked for.
 * Of a token that is revoked, the provider goes on saying that it is valid: only the revocation can have it refused. Every
 * other revocation is of a client, whose tokens the provider has revoked just before.
 */
export async function measureRevocationLatency(stage: Stage): Promise<readonly Figure[]> {
  const world = await startWorld(stage)
  const redis = await startRedis(stage)
  const options = { logLevel: 'error', revocation: { secret: revocationSecret } }
  const gateways = await startGateways(stage, processes, { name: 'told', world, redis, options })
  const fleet = gateways.map(({ url }) => new Calls(url))
  const latencies: number[] = []
  const revoked: string[] = []
  for (let index = 0; index < revocations; index += 1) {
    const token = tokensOf('many').fresh(1_000 + index)
    for (const calls of fleet) await expectAccepted(calls, token)
    const client = clientNameOf(token)
    if (index % 2 === 1) await world.revokeClient(client)
    await announce(gateways[index % processes], index % 2 === 0 ? { token } : { client })
    const revokedAt = performance.now()
    latencies.push(...(await Promise.all(fleet.map((calls) => untilRefused(calls, token, revokedAt)))))
    revoked.push(token)
  }
  for (const token of revoked) for (const calls of fleet) await expectRefused(calls, token)
  await Promise.all(fleet.map((calls) => calls.close()))
  const what = `from the revocation's answer until a process refuses, ${revocations} revocations at ${processes} processes`
  return [
    atMost(`p99 ${what}`, quantile(latencies, 0.99), { goal: 1_000, unit: 'ms' }),
    beside(`p50 ${what}`, quantile(latencies, 0.5), { unit: 'ms' }),
    beside('the longest of them', Math.max(...latencies), { unit: 'ms' }),
  ]
}

async function announce(gateway: GatewayProcess | undefined, target: Readonly<Record<string, string>>) {
  const response = await fetch(`${gateway?.adminUrl}/revocations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${revocationSecret}`, 'content-type': 'application/json' },
    body: JSON.stringify(target),
  })
  const text = await response.text()
  if (response.status === 404) throw new NotMeasurable('the gateway has no revocation endpoint')
  if (!response.ok) throw new Error(`the revocation was answered ${response.status}: ${text}`)
}

async function untilRefused(calls: Calls, token: string, revokedAt: number): Promise<number> {
  for (;;) {
    const { status } = await calls.get(token)
    const ms = performance.now() - revokedAt
    if (status === 401) return ms
    if (ms > patienceMs) throw new Error(`a revoked token is answered ${status} after ${patienceMs} ms`)
  }
}

async function expectAccepted(calls: Calls, token: string): Promise<void> {
  const { status } = await calls.get(token)
  if (status !== 200) throw new Error(`a token that is not revoked is answered ${status}`)
}

async function expectRefused(calls: Calls, token: string): Promise<void> {
  const { status } = await calls.get(token)
  if (status !== 401) throw new Error(`a token that was refused after its revocation is answered ${status}`)
}
