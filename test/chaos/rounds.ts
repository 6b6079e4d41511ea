import type { FaultName } from './faults.ts'
import type { FailurePolicy } from './fleet.ts'
import type { StageName } from './stage.ts'

/** A fault, and when it strikes, counted from the first request of the round. */
export interface Fault {
  readonly atMs: number
  readonly what: FaultName
  /** Which of the four gateways, where it is done to one. */
  readonly slot?: number
}

/** What happens while new clients use up their quotas. */
export interface Round {
  readonly name: string
  readonly stage: StageName
  readonly whenStoreFails: FailurePolicy
  readonly clients: number
  readonly limit: number
  readonly windowS: number
  readonly perSecond: number
  readonly faults: readonly Fault[]
  /** Until when all requests go to one gateway, of whose figures no other has heard then. */
  readonly alone?: { readonly slot: number; readonly untilMs: number }
  /** Ends after this time; without it, when the quotas are used up. */
  readonly forMs?: number
}

const hour = {
  stage: 'server',
  whenStoreFails: 'strict',
  clients: 1,
  windowS: 3_600,
  perSecond: 160,
} as const

/** Three windows and a half, at three times what they allow. */
const short = { ...hour, limit: 60, windowS: 3, perSecond: 60, forMs: 11_000 } as const

const cluster = { ...hour, stage: 'cluster', clients: 6, limit: 90 } as const

/** Most of it is used up by one gateway of which the others hear nothing, before something happens to that one. */
const alone = { ...hour, limit: 160, alone: { slot: 1, untilMs: 1_000 } } as const

function at(atMs: number, what: FaultName, slot?: number): Fault {
  return slot === undefined ? { atMs, what } : { atMs, what, slot }
}

/**
 * The rounds that are always the same, but for their moments on a busy machine. Those in which a process dies come last: for
 * a minute afterwards the others wait for it when the store has lost its data.
 */
export const rounds: readonly Round[] = [
  { ...hour, name: 'nothing happens', limit: 300, faults: [] },
  { ...hour, name: 'a gateway is frozen', limit: 400, faults: [at(500, 'SIGSTOP of a gateway', 0)] },
  {
    ...{ ...hour, name: 'all connections are cut', limit: 400 },
    faults: [at(400, 'CLIENT KILL'), at(800, 'CLIENT KILL'), at(1_200, 'CLIENT KILL')],
  },
  { ...hour, name: 'the store is paused', limit: 400, faults: [at(600, 'CLIENT PAUSE')] },
  { ...hour, name: 'the store is frozen', limit: 400, faults: [at(600, 'SIGSTOP of the store')] },
  {
    ...{ ...hour, name: 'the store is flushed', limit: 400 },
    faults: [at(600, 'FLUSHALL'), at(1_600, 'FLUSHALL')],
  },
  {
    ...hour,
    name: 'the store comes back empty',
    limit: 400,
    faults: [at(800, 'kill -9 of the store, back empty')],
  },
  {
    ...{ ...hour, name: 'the store comes back with old data', limit: 400 },
    faults: [at(400, 'SAVE of the store'), at(1_200, 'kill -9 of the store, back as saved')],
  },
  { ...hour, name: 'the store is started anew', limit: 400, faults: [at(800, 'restart of the store')] },
  {
    ...{ ...hour, name: 'flushed while a gateway is frozen', limit: 400 },
    faults: [at(500, 'SIGSTOP of a gateway', 1), at(1_000, 'FLUSHALL')],
  },
  {
    ...{ ...alone, name: 'flushed while the only one who knows is frozen' },
    faults: [at(900, 'SIGSTOP of a gateway', 1), at(950, 'FLUSHALL')],
  },
  {
    ...{ ...alone, name: 'old data, and the only one who knows is frozen' },
    faults: [
      ...[at(200, 'SAVE of the store'), at(900, 'SIGSTOP of a gateway', 1)],
      at(950, 'kill -9 of the store, back as saved'),
    ],
  },
  {
    ...{ ...alone, name: 'flushed while it has long been frozen', alone: { slot: 1, untilMs: 5_000 } },
    faults: [at(900, 'long SIGSTOP of a gateway', 1), at(4_900, 'FLUSHALL')],
  },
  { ...short, name: 'short windows', faults: [] },
  {
    ...{
      ...hour,
      name: 'insured, the store is gone for good',
      whenStoreFails: 'insured',
      limit: 300,
      forMs: 5_000,
    },
    faults: [at(1_600, 'kill -9 of the store')],
  },
  {
    ...{ ...hour, name: 'insured, the store is back', whenStoreFails: 'insured', limit: 400 },
    faults: [at(1_000, 'kill -9 of the store'), at(2_500, 'the store is back')],
  },
  {
    ...{ ...hour, name: 'insured, the quota was all but used up', whenStoreFails: 'insured', limit: 200 },
    faults: [at(1_100, 'kill -9 of the store'), at(2_600, 'the store is back')],
  },
  {
    ...{ ...hour, name: 'open, the store is gone', whenStoreFails: 'open', limit: 300, forMs: 3_500 },
    faults: [at(800, 'kill -9 of the store')],
  },
  { ...hour, name: 'a gateway is killed', limit: 400, faults: [at(700, 'SIGKILL of a gateway', 0)] },
  {
    ...{ ...hour, name: 'two gateways are killed', limit: 400 },
    faults: [at(500, 'SIGKILL of a gateway', 1), at(1_200, 'SIGKILL of a gateway', 2)],
  },
  { ...hour, name: 'a gateway is stopped', limit: 400, faults: [at(700, 'SIGTERM of a gateway', 3)] },
  {
    ...{ ...hour, name: 'flushed when a gateway was killed', limit: 400 },
    faults: [at(900, 'SIGKILL of a gateway', 2), at(1_000, 'FLUSHALL')],
  },
  {
    ...{ ...alone, name: 'flushed when the only one who knew was killed' },
    faults: [at(900, 'SIGKILL of a gateway', 1), at(950, 'FLUSHALL')],
  },
  {
    ...{ ...short, name: 'short windows, much happens' },
    faults: [
      ...[
        at(1_000, 'CLIENT KILL'),
        at(2_500, 'SIGSTOP of a gateway', 0),
        at(4_000, 'SIGKILL of a gateway', 1),
      ],
      ...[at(5_500, 'CLIENT PAUSE'), at(7_500, 'SIGTERM of a gateway', 2), at(9_000, 'SIGSTOP of the store')],
    ],
  },
  { ...hour, stage: 'sentinels', name: 'the replica is promoted', limit: 400, faults: [at(900, 'failover')] },
  {
    ...{ ...hour, stage: 'sentinels', name: 'promoted while a gateway is frozen', limit: 400 },
    faults: [at(600, 'SIGSTOP of a gateway', 3), at(900, 'failover')],
  },
  {
    ...{ ...hour, stage: 'sentinels', name: 'promoted with old data', limit: 400 },
    faults: [at(400, 'the replica falls behind'), at(1_200, 'failover')],
  },
  {
    ...{ ...hour, stage: 'sentinels', name: 'promoted with old data, and one dead', limit: 400 },
    faults: [
      ...[at(400, 'the replica falls behind'), at(1_000, 'SIGKILL of a gateway', 1)],
      at(1_200, 'failover'),
    ],
  },
  { ...cluster, name: 'nothing happens to a Cluster', faults: [] },
  { ...cluster, name: 'a primary of a Cluster dies', faults: [at(900, 'failover')] },
  {
    ...{ ...cluster, name: 'a primary dies, and connections are cut' },
    faults: [at(500, 'CLIENT KILL'), at(1_000, 'failover'), at(1_200, 'SIGSTOP of a gateway', 2)],
  },
]

const mixable: readonly FaultName[] = [
  ...(['SIGKILL of a gateway', 'SIGTERM of a gateway', 'SIGSTOP of a gateway'] as const),
  ...(['CLIENT KILL', 'CLIENT PAUSE', 'SIGSTOP of the store', 'FLUSHALL', 'SAVE of the store'] as const),
  ...([
    'kill -9 of the store, back empty',
    'kill -9 of the store, back as saved',
    'restart of the store',
  ] as const),
]

/** A round of three to five faults at any moment; the same for the same random numbers. */
export function mixedRound(number: number, random: () => number): Round {
  const upTo = (count: number) => Math.floor(random() * count)
  const faults = Array.from({ length: 3 + upTo(3) }, () =>
    at(200 + upTo(2_200), mixable[upTo(mixable.length)] ?? 'FLUSHALL', upTo(4)),
  )
  const whenStoreFails = random() < 0.3 ? 'insured' : 'strict'
  return {
    ...hour,
    name: `mixed ${number}`,
    whenStoreFails,
    limit: 400,
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
  }
}
