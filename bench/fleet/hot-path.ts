import { hash } from 'node:crypto'
import { RouteCharges } from '../../gateway/charge.ts'
import { systemClock } from '../../gateway/clock.ts'
import { Metrics } from '../../gateway/observe/metrics.ts'
import type { BearerToken } from '../../gateway/steps/read-bearer-token.ts'
import { resolveToken } from '../../gateway/steps/resolve-token.ts'
import { throttleCaller } from '../../gateway/steps/throttle-caller.ts'
import type { Ledger } from '../../gateway/throttle/ledger.ts'
import { MemoryLedger } from '../../gateway/throttle/memory-ledger.ts'
import { MemoryTokenCache } from '../../gateway/tokens/memory-token-cache.ts'
import { readVerifTokenAnswer } from '../../gateway/tokens/token-metadata.ts'
import { TokenResolver } from '../../gateway/tokens/token-resolver.ts'
import { atMost, beside, type Figure, median } from './measurement.ts'
import { meaningOf, tokensOf } from './tokens.ts'

const tokens = 1_000
const clients = 100
const rounds = 40
const callsARound = 50_000

/**
 * What it costs to find out what a cached token means and to count its request while quota is in hand: the two steps of
 * the request path as they are, with the counter of look-ups, in this process. Beside it the hash of 64 bytes, in turn
 * with it, because the machine's speed changes: their ratio holds where nanoseconds do not.
 */
export async function measureHotPath(): Promise<readonly Figure[]> {
  const bearers = Array.from({ length: tokens }, (_, index) => bearerOf(index % clients))
  const resolver = createResolver()
  for (const bearer of bearers) await resolveToken(resolver, bearer)
  const inMemory = stepsOf(resolver, new MemoryLedger(systemClock))
  const block = 'x'.repeat(64)
  const programs = [(bearer: BearerToken) => inMemory(bearer), () => void hash('sha256', block, 'base64url')]
  const [memory = Number.NaN, calibration = Number.NaN] = timesOf(programs, bearers)
  const digits = 0
  return [
    atMost(`resolve + throttle, memory ledger, ${tokens} tokens of ${clients} clients`, memory, {
      goal: 2_000,
      unit: 'ns',
      digits,
    }),
    beside('the same over one SHA-256', memory / calibration, { unit: '×' }),
    beside('one SHA-256 of 64 bytes', calibration, { unit: 'ns', digits }),
  ]
}

function bearerOf(client: number): BearerToken {
  return { token: tokensOf('many').fresh(client), search: '', isFromUrl: false }
}

/** A resolver as `main.ts` builds it, in front of a provider that answers at once, from JSON as it would. */
function createResolver(): TokenResolver {
  const metrics = new Metrics(() => 0)
  const provider = {
    id: 'bench',
    lookUp: async (token: string) =>
      readVerifTokenAnswer(JSON.parse(JSON.stringify(meaningOf(token))), Date.now()),
  }
  const listener = {
    cacheHit: () => metrics.countTokenLookUp('cached'),
    lookedUp: () => undefined,
    providerFailed: () => undefined,
  }
  const cache = new MemoryTokenCache({ ttlMs: 3_600_000, maxTokens: 10 * tokens })
  return new TokenResolver(provider, cache, { clock: systemClock, listener })
}

/** The steps of the request path; neither may turn asynchronous here, and nobody may be refused. */
function stepsOf(resolver: TokenResolver, ledger: Ledger): (bearer: BearerToken) => void {
  const charges = new RouteCharges({ prefix: '/api', limits: [], cost: 1, whenStoreFails: 'insured' })
  return (bearer) => {
    const metadata = resolveToken(resolver, bearer)
    if (metadata instanceof Promise) throw new Error('a cached token was asked for')
    const charge = charges.of(metadata, '127.0.0.1')
    const admitted = throttleCaller(ledger, { metadata, charge })
    if (admitted instanceof Promise) throw new Error('the ledger had to ask')
  }
}

/** Nanoseconds a call of each program: rounds in turn, and the median over them. */
function timesOf(programs: readonly ((bearer: BearerToken) => void)[], bearers: readonly BearerToken[]) {
  const times = programs.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, program] of programs.entries()) times[index]?.push(timeOf(program, bearers))
  }
  return times.map(median)
}

function timeOf(program: (bearer: BearerToken) => void, bearers: readonly BearerToken[]): number {
  const startedAt = process.hrtime.bigint()
  for (let call = 0; call < callsARound; call += bearers.length) {
    for (const bearer of bearers) program(bearer)
  }
  return Number(process.hrtime.bigint() - startedAt) / callsARound
}
