import { setTimeout as wait } from 'node:timers/promises'
import { freePorts } from '../free-ports.ts'
import { atMost, beside, type Figure, NotMeasurable } from '../measurement.ts'
import { missingPackages } from '../needed-programs.ts'
import { cores, type Stage } from '../stage.ts'
import { Calls, pace } from './calls.ts'
import { startGateways, startRedis, startWorld } from './fleet.ts'
import type { RedisCounts, RedisUnderMeasure } from './redis-under-measure.ts'
import { quotas, tokensOf } from './tokens.ts'

const processes = 8
const perSecond = 200
const secondsWithinLimit = 60
const secondsOverLimit = 10
/** Processes that could still hold a part of the quota are asked for it first. */
const secondsUntilAllKnow = 5
const slowRequests = 8
const secondsBetweenSlow = 4

/** What a stretch of requests cost the Redis, by Redis's own count, and how the requests ended. */
interface Cost extends RedisCounts {
  readonly requests: number
  readonly statuses: ReadonlySet<number>
}

/**
 * How often eight gateway processes ask their Redis for one client: within its quota, over it, and when it calls seldom.
 * Requests go to the processes in turn, so that each sees an eighth of them. Beside it, what nginx with Lua and counters
 * in Redis asks for the same.
 */
export async function measureScriptCalls(stage: Stage): Promise<readonly Figure[]> {
  const world = await startWorld(stage)
  const redis = await startRedis(stage)
  const gateways = await startGateways(stage, processes, {
    name: 'counting',
    world,
    redis,
    options: { logLevel: 'error' },
  })
  if (!(await redis.isUsed())) throw new NotMeasurable('the gateways do not connect to the store')
  await redis.tellHeartbeats()
  const fleet = gateways.map(({ url }) => new Calls(url, { connections: 16 }))
  const within = await costWithinLimit(fleet, redis)
  const [early, over] = await costOverLimit(fleet, redis)
  const [slow, rival] = await Promise.all([costOfSeldom(fleet, redis), measureRival(stage)])
  await Promise.all(fleet.map((calls) => calls.close()))
  return [...figuresOf({ within, early, over, slow }), ...rival]
}

function figuresOf(costs: Readonly<Record<'within' | 'early' | 'over' | 'slow', Cost>>): readonly Figure[] {
  const { within, early, over, slow } = costs
  const rate = `${perSecond} requests/s to ${processes} processes`
  const perRequest = ({ scriptCalls, heartbeats, requests }: Cost) => (scriptCalls - heartbeats) / requests
  const what = 'script calls a request'
  const asRatio = { unit: '', digits: 4 }
  return [
    atMost(`${what}: one client of 100000/1h, ${rate}, ${within.requests} requests`, perRequest(within), {
      ...asRatio,
      goal: 0.01,
    }),
    atMost(`${what}: the client is over its limit, ${rate}, ${over.requests} requests`, perRequest(over), {
      ...asRatio,
      goal: 0,
    }),
    beside(
      `${what}: the ${secondsUntilAllKnow} s before that, when it has just come to its limit`,
      perRequest(early),
      asRatio,
    ),
    atMost(
      `${what}: one request each ${secondsBetweenSlow} s, to the processes in turn, ${slow.requests} requests`,
      perRequest(slow),
      { ...asRatio, goal: 1 },
    ),
    beside(
      `heartbeats that are scripts too, a request, ${rate}`,
      within.heartbeats / within.requests,
      asRatio,
    ),
    beside(`messages of every kind to Redis a request, ${rate}`, within.messages / within.requests, asRatio),
  ]
}

async function costWithinLimit(fleet: readonly Calls[], redis: RedisUnderMeasure): Promise<Cost> {
  const token = tokensOf('hundredThousand').fresh(1)
  await makeKnown(fleet, token)
  const plan = { perSecond, seconds: secondsWithinLimit }
  return expectOnly(200, await costOf(redis, () => pace(plan, (index) => statusOf(fleet, index, token))))
}

/** What it costs until every process knows that nothing is left anywhere, and from then on. */
async function costOverLimit(fleet: readonly Calls[], redis: RedisUnderMeasure): Promise<[Cost, Cost]> {
  const token = tokensOf('few').fresh(2)
  // Every process has to be refused once before it knows.
  for (let round = 0; round <= quotas.few; round += 1) await makeKnown(fleet, token)
  const costFor = async (seconds: number) => {
    const plan = { perSecond, seconds }
    return expectOnly(429, await costOf(redis, () => pace(plan, (index) => statusOf(fleet, index, token))))
  }
  return [await costFor(secondsUntilAllKnow), await costFor(secondsOverLimit)]
}

async function costOfSeldom(fleet: readonly Calls[], redis: RedisUnderMeasure): Promise<Cost> {
  const token = tokensOf('hundredThousand').fresh(3)
  await makeKnown(fleet, token)
  await wait(secondsBetweenSlow * 1_000)
  const cost = await costOf(redis, async () => {
    const statuses: number[] = []
    for (let index = 0; index < slowRequests; index += 1) {
      statuses.push(await statusOf(fleet, index, token))
      await wait(secondsBetweenSlow * 1_000)
    }
    return statuses
  })
  return expectOnly(200, cost)
}

/** What a token means is found out before anything is counted: here it is quotas that are measured. */
async function makeKnown(fleet: readonly Calls[], token: string): Promise<void> {
  for (const calls of fleet) await calls.get(token)
}

async function statusOf(fleet: readonly Calls[], index: number, token: string): Promise<number> {
  const answer = await fleet[index % fleet.length]?.get(token)
  return answer?.status ?? 0
}

async function costOf(redis: RedisUnderMeasure, load: () => Promise<readonly number[]>): Promise<Cost> {
  const before = await redis.counts()
  const statuses = await load()
  const after = await redis.counts()
  return {
    scriptCalls: after.scriptCalls - before.scriptCalls,
    heartbeats: after.heartbeats - before.heartbeats,
    messages: after.messages - before.messages,
    requests: statuses.length,
    statuses: new Set(statuses),
  }
}

/** A gateway that let in the wrong requests would be cheap, and prove nothing. */
function expectOnly(status: number, cost: Cost): Cost {
  const others = [...cost.statuses].filter((other) => other !== status)
  if (others.length > 0) throw new Error(`answers ought to be ${status}, and some are ${others.join(', ')}`)
  return cost
}

const secondsOfRival = 10

/** nginx with Lua and counters in Redis: the original platform's way on several machines. */
async function measureRival(stage: Stage): Promise<readonly Figure[]> {
  const missing = missingPackages()
  if (missing.length > 0) {
    console.error(`nginx-lua-redis is left out; on Debian: apt-get install -y ${missing.join(' ')}`)
    return []
  }
  const [port = 0, backendPort = 0] = await freePorts(2)
  const redis = await startRedis(stage)
  stage.startNginx('backend', cores.others, { PORT: backendPort, PAD: 'x'.repeat(1_000) })
  await stage.untilItAnswers('backend', `http://127.0.0.1:${backendPort}/`)
  const words = { PORT: port, BACKEND_PORT: backendPort, REDIS_PORT: redis.port }
  stage.startNginx('nginx-lua-redis', cores.contestants, words)
  const url = `http://127.0.0.1:${port}/api1/resource?access_token=abc`
  await stage.untilItAnswers('nginx-lua-redis', url)
  const get = async () => {
    const response = await fetch(url)
    await response.text()
    return response.status
  }
  const cost = expectOnly(200, await costOf(redis, () => pace({ perSecond, seconds: secondsOfRival }, get)))
  const what = `messages of every kind to Redis a request, nginx-lua-redis, ${perSecond} requests/s`
  return [beside(what, cost.messages / cost.requests)]
}
