import { setTimeout as wait } from 'node:timers/promises'
import { atMost, beside, type Figure, median, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { Calls } from './calls.ts'
import { type GatewayPlan, startGateways, startRedis, startWorld, type World } from './fleet.ts'

const iterations = 150
const iterationsOfWarmUp = 30
/** What an identity provider with a database takes. */
const answerAfterMs = 5
/** What an answer takes from the gateway to a client and its next request back: a short way on the internet. */
const clientDistanceMs = 20

/** What the first call with a token took, and what a later one with the same token. */
interface Times {
  readonly first: number[]
  readonly warm: number[]
}

/**
 * What the first call with a token takes that was just issued through the gateway, beside a later one with the same
 * token: with the prefetch, and with a gateway that was not told of the token endpoint. All in turn.
 */
export async function measureFirstCall(stage: Stage): Promise<readonly Figure[]> {
  const world = await startWorld(stage, { answerAfterMs })
  const redis = await startRedis(stage)
  const plan = { world, redis, options: { logLevel: 'error' } }
  const told = await start(stage, { ...plan, name: 'told', identity: { tokenEndpoint: '/oauth/token' } })
  const untold = await start(stage, { ...plan, name: 'untold' })
  await requirePrefetch(told, world)
  const newRound = () => ({ far: newTimes(), near: newTimes(), untold: newTimes(), stranger: newTimes() })
  const times = newRound()
  for (let index = -iterationsOfWarmUp; index < iterations; index += 1) {
    const kept = index < 0 ? newRound() : times
    await callTwice(told, { distanceMs: clientDistanceMs, client: 0 }, kept.far)
    await callTwice(untold, { distanceMs: clientDistanceMs, client: 0 }, kept.untold)
    await callTwice(told, { distanceMs: 0, client: 0 }, kept.near)
    await callTwice(told, { distanceMs: clientDistanceMs, client: undefined }, kept.stranger)
  }
  await Promise.all([told.close(), untold.close()])
  return figuresOf(times)
}

type Circumstance = 'far' | 'near' | 'untold' | 'stranger'

function figuresOf({ far, near, untold, stranger }: Readonly<Record<Circumstance, Times>>): Figure[] {
  const ratio = ({ first, warm }: Times) => median(first) / median(warm)
  const circumstances = `a client that renews its token, ${clientDistanceMs} ms away, the provider answers in ${answerAfterMs} ms`
  return [
    atMost(`first call over warm call, p50: ${circumstances}`, ratio(far), { goal: 1.2, unit: '×' }),
    beside('the same for a client whose quota is first asked for in the store', ratio(stranger), {
      unit: '×',
    }),
    beside('the same without the prefetch', ratio(untold), { unit: '×' }),
    beside('the same with the prefetch and a client that calls at once', ratio(near), { unit: '×' }),
    beside('warm call, p50', median(far.warm), { unit: 'ms' }),
  ]
}

async function start(stage: Stage, plan: GatewayPlan): Promise<Calls> {
  const [gateway] = await startGateways(stage, 1, plan)
  return new Calls(gateway?.url ?? '')
}

/** Without it there is nothing to measure: the first call would take what it takes without. */
async function requirePrefetch(calls: Calls, world: World): Promise<void> {
  const before = await world.lookUps()
  await calls.freshToken()
  await wait(1_000)
  if ((await world.lookUps()) === before) {
    throw new NotMeasurable('the gateway does not look up a token that passes its token endpoint')
  }
}

interface Caller {
  readonly distanceMs: number
  /** `undefined` for another each time. */
  readonly client: number | undefined
}

async function callTwice(calls: Calls, { distanceMs, client }: Caller, times: Times): Promise<void> {
  const token = await calls.freshToken(client)
  times.first.push(await callFrom(calls, distanceMs, token))
  times.warm.push(await callFrom(calls, distanceMs, token))
}

async function callFrom(calls: Calls, distanceMs: number, token: string): Promise<number> {
  if (distanceMs > 0) await wait(distanceMs)
  const { status, ms } = await calls.get(token)
  if (status !== 200) throw new Error(`a fresh token is answered ${status}`)
  return ms
}

function newTimes(): Times {
  return { first: [], warm: [] }
}
