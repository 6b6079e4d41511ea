import { setTimeout as sleep } from 'node:timers/promises'
import { Demand } from './demand.ts'
import { kindOf } from './faults.ts'
import { type Judgement, judge } from './judge.ts'
import type { Fault, Round } from './rounds.ts'
import type { Stage } from './stage.ts'
import { Watch } from './watch.ts'

/** What a round came to, in figures. */
export interface Result extends Judgement {
  readonly round: Round
  readonly offered: number
  readonly admitted: number
  readonly refused: number
  readonly unavailable: number
  readonly lost: number
  /** Calls for leases a request, until the quotas were used up. */
  readonly callsPerRequest: number
  readonly dead: number
  /** Calls for leases in the last second in which all were over their limit; `undefined` where they never were. */
  readonly lastCalls: number | undefined
}

/** How long after the last fault the quotas must be used up: five seconds are for whoever died with its leases. */
const usedUpWithinMs = 12_000

/** How long calls for leases may go on when everybody is over the limit: as long as the longest pause between two. */
const silenceWithinS = 8

/**
 * Plays a round on a stage that is whole, and leaves it whole.
 *
 * @param silentWithinS 0 not to look whether calls cease when everybody is over the limit, which takes its time.
 */
export async function play(stage: Stage, round: Round, silentWithinS = silenceWithinS): Promise<Result> {
  const { fleet } = stage
  const clients = await stage.namesOf(round.name.replaceAll(/\W+/g, '-'), round.clients)
  for (const client of clients) fleet.addQuota({ ...round, client })
  const before = { calls: await fleet.leaseCalls(), members: fleet.present }
  const watch = new Watch(fleet)
  const demand = new Demand(fleet, { ...round, clients })
  const faults: string[] = []
  const striking = strikeAll(stage, round.faults, clients[0] ?? '').catch((error: unknown) => {
    faults.push(`a fault could not be done: ${error}`)
  })
  if (round.forMs !== undefined) await sleep(round.forMs)
  await striking
  const isUsedUp = await untilUsedUp(demand, round.forMs === undefined ? usedUpWithinMs : 0)
  const spent = { calls: (await fleet.leaseCalls()) - before.calls, offered: demand.offered }
  const dead = before.members.filter(({ isGone }) => isGone).map(({ name }) => name)
  const seconds =
    isUsedUp && round.forMs === undefined
      ? await untilSilent(stage, dead.length > 0 ? Math.min(1, silentWithinS) : silentWithinS)
      : []
  watch.end()
  await demand.end()
  const { servedByReset, unavailable } = demand
  const facts = {
    ...{ servedByReset, unavailable, dead, isUsedUp },
    clients: clients.map((client) => ({ client, admitted: fleet.backend.admitted(client) })),
    isSilent: dead.length > 0 || seconds.length === 0 ? undefined : seconds.at(-1) === 0,
    faults: [...faults, ...demand.faults, ...watch.faults, ...fleet.unexpectedEnds()],
  }
  await stage.mend()
  return {
    ...judge(round, facts),
    ...{ round, offered: demand.offered, refused: demand.refused, unavailable, lost: demand.lost },
    admitted: facts.clients
      .flatMap(({ admitted }) => [...admitted.values()])
      .reduce((sum, count) => sum + count, 0),
    callsPerRequest: spent.calls / spent.offered,
    dead: dead.length,
    lastCalls: seconds.at(-1),
  }
}

/** Faults of gateways strike at their time; those of the store one after another, as there is one. */
async function strikeAll(stage: Stage, faults: readonly Fault[], client: string): Promise<void> {
  let storeIsFree: Promise<unknown> = Promise.resolve()
  const strike = async ({ atMs, what, slot = 0 }: Fault) => {
    const { isOfGateway, strike } = kindOf(what)
    const before = storeIsFree
    const { promise, resolve } = Promise.withResolvers<void>()
    if (!isOfGateway) storeIsFree = promise
    try {
      await sleep(atMs)
      if (!isOfGateway) await before
      await strike(stage, { slot, client })
    } finally {
      resolve()
    }
  }
  await Promise.all(faults.map(strike))
}

async function untilUsedUp(demand: Demand, withinMs: number): Promise<boolean> {
  for (const startedMs = performance.now(); performance.now() - startedMs < withinMs; await sleep(50))
    if (demand.isUsedUp) return true
  return demand.isUsedUp
}

/** The calls for leases of each second, until there are none in two of them. */
async function untilSilent({ fleet }: Stage, atMostS: number): Promise<number[]> {
  const seconds: number[] = []
  let calls = await fleet.leaseCalls()
  while (seconds.length < atMostS && !(seconds.at(-1) === 0 && seconds.at(-2) === 0)) {
    await sleep(1_000)
    const now = await fleet.leaseCalls()
    seconds.push(now - calls)
    calls = now
  }
  return seconds
}
