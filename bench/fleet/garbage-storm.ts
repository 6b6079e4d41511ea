import { atMost, beside, type Figure, median, NotMeasurable, quantile } from '../measurement.ts'
import { processorTimeUs } from '../processor-time.ts'
import type { Stage } from '../stage.ts'
import { type Answer, Calls, pace } from './calls.ts'
import { type GatewayProcess, startGateways, startRedis, startWorld, type World } from './fleet.ts'
import { type StormPlan, StormThread } from './storm.ts'
import { tokensOf } from './tokens.ts'

const rounds = 20
const secondsOfQuiet = 1.5
const secondsOfStorm = 2.5
const secondsOfLoad = 1.5
/** With {@link goodPerSecond} below what the load generator's core can send and answer, so that no queue is measured there. */
const stormPerSecond = 2_000
const goodPerSecond = 1_000
const goodTokens = 100
/** Alone, good clients wait for a few milliseconds: where it is more, something else has the cores. */
const mostQuietP99Ms = 20
/** The option `tokenLookUps.perAddress` as it comes: everything here is sent from one address. */
const lookUpsPerSecond = 300

/** What good clients waited for while one thing went on, and what it cost meanwhile. */
interface Weather {
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of the gateway in each second of good requests. */
  readonly gatewayUs: number
  readonly lookUps: number
  /** The most that the provider may be asked in that time. */
  readonly cap: number
}

type Part = 'quiet' | 'garbage' | 'load'

type Round = Readonly<Record<Part, Weather>>

/**
 * What 100,000 tokens that mean nothing do to good clients, whose tokens are known, and to the identity provider. Quiet
 * and storm take turns, every other round backwards, and so does a storm of one good token: what that does is the price of
 * the load, not of garbage. All requests are sent at a steady rate, whatever is answered. Ratios are taken round by round,
 * because the machine's speed changes, and then their median.
 */
export async function measureGarbageStorm(stage: Stage): Promise<readonly Figure[]> {
  const world = await startWorld(stage)
  const redis = await startRedis(stage)
  const options = { logLevel: 'error', tokenCache: { ttl: '10m' } }
  const [gateway] = await startGateways(stage, 1, { name: 'stormed', world, redis, options })
  if (gateway === undefined) throw new Error('no gateway was started')
  const clients = startClients(gateway.url)
  try {
    await clients.warmUp()
    const scene = { world, gateway, clients }
    const before = await watch(scene, () => clients.call(secondsOfQuiet))
    expectQuiet(before.p99Ms)
    const results = await playRounds(scene)
    expectQuiet(median(results.map(({ quiet }) => quiet.p99Ms)))
    return figuresOf(results)
  } finally {
    await clients.close()
  }
}

/** On a machine that is busy with something else no figure would be about garbage. */
function expectQuiet(p99Ms: number): void {
  if (p99Ms <= mostQuietP99Ms) return
  throw new NotMeasurable(`good clients wait for ${p99Ms.toFixed(0)} ms without a storm: the machine is busy`)
}

interface Scene {
  readonly world: World
  readonly gateway: GatewayProcess
  readonly clients: Clients
}

async function playRounds(scene: Scene): Promise<readonly Round[]> {
  const { gateway, clients } = scene
  const storm = { url: gateway.url, perSecond: stormPerSecond }
  const calls: Readonly<Record<Part, () => Promise<readonly Answer[]>>> = {
    quiet: () => clients.call(secondsOfQuiet),
    garbage: () => clients.callDuring({ ...storm, seconds: secondsOfStorm }, [401, 429, 503]),
    load: () => clients.callDuring({ ...storm, seconds: secondsOfLoad, token: clients.token }, [200]),
  }
  const parts = Object.keys(calls) as Part[]
  const results: Round[] = []
  for (let round = 0; round < rounds; round += 1) {
    const weathers = new Map<Part, Weather>()
    for (const part of round % 2 === 0 ? parts : parts.toReversed())
      weathers.set(part, await watch(scene, calls[part]))
    results.push(Object.fromEntries(weathers) as Round)
  }
  return results
}

function figuresOf(results: readonly Round[]): readonly Figure[] {
  const sent = rounds * stormPerSecond * secondsOfStorm
  const inStorm = `${stormPerSecond} garbage tokens/s beside ${goodPerSecond} good requests/s`
  const cap = results.reduce((sum, { garbage }) => sum + garbage.cap, 0)
  const asked = results.reduce((sum, { garbage }) => sum + garbage.lookUps, 0)
  const ratio = (part: Part, of: 'p50Ms' | 'p99Ms') =>
    median(results.map((round) => round[part][of] / round.quiet[of]))
  const costUs = (part: Part) =>
    median(results.map((round) => (round[part].gatewayUs - round.quiet.gatewayUs) / stormPerSecond))
  const times = { unit: '×' }
  const microseconds = { unit: 'µs', digits: 0 }
  return [
    atMost(`p99 of good clients, ${inStorm}, over p99 without`, ratio('garbage', 'p99Ms'), {
      goal: 2,
      ...times,
    }),
    beside('the same with one good token in place of the garbage', ratio('load', 'p99Ms'), times),
    beside('p50 of good clients in the storm of garbage, over p50 without', ratio('garbage', 'p50Ms'), times),
    beside('the same with one good token in place of the garbage', ratio('load', 'p50Ms'), times),
    beside('p99 of good clients without a storm', median(results.map(({ quiet }) => quiet.p99Ms)), {
      unit: 'ms',
    }),
    beside('processor time of the gateway for a garbage token', costUs('garbage'), microseconds),
    beside('for a good request in its place', costUs('load'), microseconds),
    atMost(`tokens that the identity provider is asked for, of ${sent}`, asked, {
      goal: cap,
      unit: '',
      digits: 0,
    }),
  ]
}

async function watch({ world, gateway }: Scene, call: () => Promise<readonly Answer[]>): Promise<Weather> {
  const lookUpsBefore = await world.lookUps()
  const [usBefore, startedAt] = [processorTimeUs(gateway.pid), performance.now()]
  const answers = await call()
  const seconds = (performance.now() - startedAt) / 1_000
  const gatewayUs = ((processorTimeUs(gateway.pid) - usBefore) * goodPerSecond) / answers.length
  const lookUps = (await world.lookUps()) - lookUpsBefore
  const refused = answers.find(({ status }) => status !== 200)
  if (refused !== undefined) throw new Error(`a good client was answered ${refused.status}`)
  const times = answers.map(({ ms }) => ms)
  const [p50Ms, p99Ms] = [median(times), quantile(times, 0.99)]
  // So many windows can have begun, whole or in part.
  const cap = (Math.ceil(seconds) + 1) * lookUpsPerSecond
  return { p50Ms, p99Ms, gatewayUs, lookUps, cap }
}

type Clients = ReturnType<typeof startClients>

function startClients(url: string) {
  const calls = new Calls(url, { connections: 64 })
  const thread = new StormThread()
  const known = Array.from({ length: goodTokens }, (_, index) => tokensOf('many').fresh(index))
  const send = async (perSecond: number, seconds: number) =>
    await pace({ perSecond, seconds }, (index) => calls.get(known[index % goodTokens] ?? ''))
  const callDuring = async (storm: StormPlan, expected: readonly number[]): Promise<readonly Answer[]> => {
    const [answers, report] = await Promise.all([send(goodPerSecond, storm.seconds), thread.send(storm)])
    const others = Object.keys(report).filter((status) => !expected.includes(Number(status)))
    if (others.length > 0) throw new Error(`the storm was answered ${JSON.stringify(report)}`)
    return answers
  }
  return {
    token: known[0] ?? '',
    /** First below the cap, for good clients' tokens are unknown once too; then until all code is compiled. */
    async warmUp(): Promise<void> {
      await send(goodTokens, 1)
      const load = { url, token: known[0] ?? '', perSecond: stormPerSecond, seconds: secondsOfLoad }
      await callDuring(load, [200])
      await callDuring({ url, perSecond: stormPerSecond, seconds: secondsOfLoad }, [401, 429])
    },
    call: (seconds: number) => send(goodPerSecond, seconds),
    callDuring,
    close: async () => {
      await Promise.all([calls.close(), thread.close()])
    },
  }
}
