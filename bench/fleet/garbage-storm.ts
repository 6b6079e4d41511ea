import type { Stage } from '../stage.ts'
import { type Answer, Calls, pace } from './calls.ts'
import { startGateways, startRedis, startWorld, type World } from './fleet.ts'
import { atMost, beside, type Figure, median, quantile } from './measurement.ts'
import { type StormPlan, StormThread } from './storm.ts'
import { tokensOf } from './tokens.ts'

const rounds = 8
const secondsOfQuiet = 2
const secondsOfStorm = 2.5
const secondsOfLoad = 1.5
const stormPerSecond = 5_000
const goodPerSecond = 1_000
const goodTokens = 100
/** The option `tokenLookUps.perAddress` as it comes: everything here is sent from one address. */
const lookUpsPerSecond = 300

/** What good clients waited for while one thing went on, and what the provider was asked meanwhile. */
interface Weather {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly lookUps: number
  /** The most that the provider may be asked in that time. */
  readonly cap: number
}

interface Round {
  readonly quiet: Weather
  readonly garbage: Weather
  readonly load: Weather
}

/**
 * What 100,000 tokens that mean nothing do to good clients, whose tokens are known, and to the identity provider. Quiet
 * and storm take turns, and so does a storm of one good token: what that does is the price of the load, not of garbage.
 * Ratios are taken round by round, because the machine's speed changes, and then their median.
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
    return figuresOf(await playRounds(world, clients, gateway.url))
  } finally {
    await clients.close()
  }
}

async function playRounds(world: World, clients: Clients, url: string): Promise<readonly Round[]> {
  const storm = { url, perSecond: stormPerSecond, seconds: secondsOfStorm }
  const results: Round[] = []
  for (let round = 0; round < rounds; round += 1) {
    results.push({
      quiet: await watch(world, () => clients.call(secondsOfQuiet)),
      garbage: await watch(world, () => clients.callDuring(storm, [401, 429, 503])),
      load: await watch(world, () =>
        clients.callDuring({ ...storm, seconds: secondsOfLoad, token: clients.token }, [200]),
      ),
    })
  }
  return results
}

function figuresOf(results: readonly Round[]): readonly Figure[] {
  const sent = rounds * stormPerSecond * secondsOfStorm
  const inStorm = `${stormPerSecond} garbage tokens/s beside ${goodPerSecond} good requests/s`
  const cap = results.reduce((sum, { garbage }) => sum + garbage.cap, 0)
  const asked = results.reduce((sum, { garbage }) => sum + garbage.lookUps, 0)
  const ratio = (part: keyof Round, of: 'p50Ms' | 'p99Ms') =>
    median(results.map((round) => round[part][of] / round.quiet[of]))
  return [
    atMost(`p99 of good clients, ${inStorm}, over p99 without`, ratio('garbage', 'p99Ms'), {
      goal: 2,
      unit: '×',
    }),
    beside('the same with one good token in place of the garbage', ratio('load', 'p99Ms'), { unit: '×' }),
    beside('p50 of good clients in the storm of garbage, over p50 without', ratio('garbage', 'p50Ms'), {
      unit: '×',
    }),
    beside('p99 of good clients without a storm', median(results.map(({ quiet }) => quiet.p99Ms)), {
      unit: 'ms',
    }),
    atMost(`tokens that the identity provider is asked for, of ${sent}`, asked, {
      goal: cap,
      unit: '',
      digits: 0,
    }),
  ]
}

async function watch(world: World, call: () => Promise<readonly Answer[]>): Promise<Weather> {
  const [before, startedAt] = [await world.lookUps(), performance.now()]
  const answers = await call()
  const lookUps = (await world.lookUps()) - before
  const refused = answers.find(({ status }) => status !== 200)
  if (refused !== undefined) throw new Error(`a good client was answered ${refused.status}`)
  // So many windows can have begun, whole or in part.
  const windows = Math.ceil((performance.now() - startedAt) / 1_000) + 1
  const times = answers.map(({ ms }) => ms)
  return { p50Ms: median(times), p99Ms: quantile(times, 0.99), lookUps, cap: windows * lookUpsPerSecond }
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
    },
    call: (seconds: number) => send(goodPerSecond, seconds),
    callDuring,
    close: async () => {
      await Promise.all([calls.close(), thread.close()])
    },
  }
}
