import { hash } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createLog } from '../../common/log.ts'
import { storeLocation } from '../../common/store-url.ts'
import { RouteCharges } from '../../gateway/charge.ts'
import { systemClock } from '../../gateway/clock.ts'
import { defaultProvider } from '../../gateway/config/settings.ts'
import { Exchange } from '../../gateway/exchange.ts'
import { Metrics } from '../../gateway/observe/metrics.ts'
import type { BearerToken } from '../../gateway/steps/read-bearer-token.ts'
import { resolveToken } from '../../gateway/steps/resolve-token.ts'
import { throttleCaller } from '../../gateway/steps/throttle-caller.ts'
import { openStore } from '../../gateway/store/open-store.ts'
import { createLedger } from '../../gateway/throttle/create-ledger.ts'
import type { Ledger } from '../../gateway/throttle/ledger.ts'
import { MemoryLedger } from '../../gateway/throttle/memory-ledger.ts'
import { RateLimitFields } from '../../gateway/throttle/rate-limit-fields.ts'
import { Throttle } from '../../gateway/throttle/throttle.ts'
import { LookUpCaps } from '../../gateway/tokens/look-up-caps.ts'
import { ProviderBreaker } from '../../gateway/tokens/provider-breaker.ts'
import { TokenHasher } from '../../gateway/tokens/token-hash.ts'
import { TokenMemory } from '../../gateway/tokens/token-memory.ts'
import { readVerifTokenAnswer, type TokenMetadata } from '../../gateway/tokens/token-metadata.ts'
import { TokenResolver } from '../../gateway/tokens/token-resolver.ts'
import { atMost, beside, type Figure, median, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { startRedis } from './fleet.ts'
import { meaningOf, tokensOf } from './tokens.ts'

const tokens = 1_000
const clients = 100
const rounds = 40
const callsARound = 20_000
const callsOfWarmUp = 200_000
/** What a ledger has asked for ahead of need arrives between rounds. */
const pauseMs = 25

/** Runs both steps for one token; a promise where one of them has to ask somebody. */
type Steps = (bearer: BearerToken) => unknown

/**
 * What it costs to find out what a cached token means and to count its request while quota is in hand: the two steps of
 * the request path as they are, with the counter of look-ups, in this process. Beside it the hash of 64 bytes, in turn
 * with it, because the machine's speed changes: their ratio holds where nanoseconds do not.
 */
export async function measureHotPath(stage: Stage): Promise<readonly Figure[]> {
  const bearers = Array.from({ length: tokens }, (_, index) => bearerOf(index % clients))
  const resolver = createResolver()
  const { ledger, close } = await openLeaseLedger(stage)
  const block = 'x'.repeat(64)
  const programs: readonly Steps[] = [
    stepsOf(resolver, new MemoryLedger(systemClock)),
    stepsOf(resolver, ledger),
    takingOf(resolver, ledger),
    () => void hash('sha256', block, 'base64url'),
  ]
  for (const program of programs) await warmUp(program, bearers)
  const [memory = Number.NaN, lease = Number.NaN, taking = Number.NaN, calibration = Number.NaN] =
    await timesOf(programs, bearers)
  await close()
  return [
    ...figuresOf('memory ledger', memory, calibration),
    ...figuresOf('leases in hand', lease, calibration),
    beside('the same without the fields that tell what is left, leases in hand', taking, {
      unit: 'ns',
      digits: 0,
    }),
    beside('one SHA-256 of 64 bytes', calibration, { unit: 'ns', digits: 0 }),
  ]
}

function figuresOf(ledger: string, ns: number, calibration: number): readonly Figure[] {
  const what = `resolve + throttle, ${ledger}, ${tokens} tokens of ${clients} clients`
  return [
    atMost(what, ns, { goal: 2_000, unit: 'ns', digits: 0 }),
    beside(`the same over one SHA-256, ${ledger}`, ns / calibration, { unit: '×' }),
  ]
}

function bearerOf(client: number): BearerToken {
  return { token: tokensOf('many').fresh(client), search: '', isFromUrl: false }
}

/** A resolver as the services build it, in front of a provider that answers at once, from JSON as it would. */
function createResolver(): TokenResolver {
  const provider = {
    id: 'bench',
    lookUp: async (token: string) =>
      readVerifTokenAnswer(JSON.parse(JSON.stringify(meaningOf(token))), Date.now()),
  }
  const lifetimes = { ttlMs: 3_600_000, staleIfErrorMs: 0, blindTtlMs: 60_000 }
  const unbounded = { limit: 1_000_000, windowMs: 1_000 }
  const hasher = new TokenHasher({ name: 'bench', id: provider.id })
  return new TokenResolver(hasher, {
    ...{
      provider,
      isLocal: false,
      scope: hasher.scope,
      shared: undefined,
      negativeTtlMs: 0,
      clock: systemClock,
    },
    memory: new TokenMemory({ ...lifetimes, maxTokens: 10 * tokens, random: Math.random }),
    caps: new LookUpCaps({ perAddress: unbounded, total: unbounded }),
    breaker: new ProviderBreaker(),
    listener: { ...new Metrics(() => 0).tokens.of('bench'), providerFailed: () => undefined },
  })
}

async function openLeaseLedger(stage: Stage): Promise<{ ledger: Ledger; close: () => Promise<void> }> {
  const { port } = await startRedis(stage)
  const location = storeLocation(`redis://127.0.0.1:${port}`)
  if (location.kind !== 'redis') throw new TypeError('the URL names no Redis')
  const own = { prefix: 'bench', ca: undefined, sentinelUsername: undefined, sentinelPassword: undefined }
  const dependencies = { log: createLog('bench', 'silent'), countCommand: () => undefined }
  const store = await openStore({ ...location, ...own }, dependencies)
  const ledger = await createLedger(store, systemClock, { notCounted: () => undefined })
  return {
    ledger,
    close: async () => {
      await ledger.close()
      await store.close()
    },
  }
}

function createExchange(): Exchange {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  return new Exchange({
    request,
    response,
    requestId: 'bench',
    scheme: 'http',
    clientAddress: '127.0.0.1',
    onError: () => undefined,
  })
}

/** A route that counts by the clients' own quotas. */
const route = {
  prefix: '/api',
  limits: [],
  cost: 1,
  whenStoreFails: 'insured',
  identity: defaultProvider,
} as const

function stepsOf(resolver: TokenResolver, ledger: Ledger): Steps {
  const charges = new RouteCharges(route)
  const throttle = new Throttle(ledger, new RateLimitFields('both', systemClock))
  const exchange = createExchange()
  const count = (metadata: TokenMetadata) => {
    const charge = charges.of(metadata, exchange.clientAddress)
    return throttleCaller(throttle, exchange, { metadata, charge })
  }
  return (bearer) => {
    const metadata = resolveToken(resolver, exchange, bearer)
    return metadata instanceof Promise ? metadata.then(count) : count(metadata)
  }
}

/** The ledger alone in place of the step. */
function takingOf(resolver: TokenResolver, ledger: Ledger): Steps {
  const charges = new RouteCharges(route)
  const exchange = createExchange()
  const take = (metadata: TokenMetadata) => {
    const charge = charges.of(metadata, exchange.clientAddress)
    return charge === undefined ? undefined : ledger.take(charge)
  }
  return (bearer) => {
    const metadata = resolveToken(resolver, exchange, bearer)
    return metadata instanceof Promise ? metadata.then(take) : take(metadata)
  }
}

/** Long enough for the compiler to settle, and for a ledger to know how much is asked of it. */
async function warmUp(program: Steps, bearers: readonly BearerToken[]): Promise<void> {
  for (let call = 0; call < callsOfWarmUp; call += bearers.length) {
    for (const bearer of bearers) await program(bearer)
  }
}

/** Nanoseconds a call of each program: rounds in turn, and the median over them. */
async function timesOf(
  programs: readonly Steps[],
  bearers: readonly BearerToken[],
): Promise<readonly number[]> {
  const times = programs.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, program] of programs.entries()) {
      await wait(pauseMs)
      times[index]?.push(await timeOf(program, bearers))
    }
  }
  return times.map((all) => {
    const valid = all.filter((ns) => !Number.isNaN(ns))
    if (valid.length < rounds / 2) throw new NotMeasurable('in too many rounds somebody had to be asked')
    return median(valid)
  })
}

/** `NaN` where somebody had to be asked: that is another path than the one measured here. */
async function timeOf(program: Steps, bearers: readonly BearerToken[]): Promise<number> {
  const asked: unknown[] = []
  const startedAt = process.hrtime.bigint()
  for (let call = 0; call < callsARound; call += bearers.length) {
    for (const bearer of bearers) {
      const result = program(bearer)
      if (result instanceof Promise) asked.push(result)
    }
  }
  const ns = Number(process.hrtime.bigint() - startedAt)
  await Promise.all(asked)
  return asked.length === 0 ? ns / callsARound : Number.NaN
}
