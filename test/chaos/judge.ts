import { kindOf } from './faults.ts'
import type { Round } from './rounds.ts'

/** What came of a round for one client. */
export interface ClientFacts {
  readonly client: string
  /** Admitted by each process, as the backend counted. */
  readonly admitted: ReadonlyMap<string, number>
}

/** What came of a round. */
export interface Facts {
  readonly clients: readonly ClientFacts[]
  /** Answers with success by the end of the window that they told. */
  readonly servedByReset: ReadonlyMap<string, number>
  readonly unavailable: number
  /** Processes that ended during the round. */
  readonly dead: readonly string[]
  readonly isUsedUp: boolean
  /** Whether calls for leases ceased while everybody was over the limit; `undefined` where that was not looked at. */
  readonly isSilent: boolean | undefined
  /** What was seen to be wrong while it ran. */
  readonly faults: readonly string[]
}

export interface Judgement {
  readonly faults: readonly string[]
  /** Admitted beyond what is promised: none of it may be. */
  readonly overAdmitted: number
  /** Admitted beyond the limit, in the one case in which that cannot be helped. */
  readonly excused: number
}

/** What a process may have in hand when it dies: a tenth of the limit, and what was left when it asked for that. */
const inHandPart = 1 / 8

/** Requests that were admitted and cut off with a process before the backend heard of them. */
const underWayAtMost = 4

/** Holds what came of a round against what the documents promise. */
export function judge(round: Round, facts: Facts): Judgement {
  const judgements =
    round.windowS < 60
      ? [judgeWindows(round, facts)]
      : facts.clients.map((client) => judgeClient(round, facts, client))
  const isLeftDead = round.forMs !== undefined
  const faults = [
    ...facts.faults,
    ...judgements.flatMap((judgement) => judgement.faults),
    facts.isUsedUp || isLeftDead ? '' : 'the quota was not used up in time',
    facts.isSilent === false ? 'calls for leases went on while every client was over its limit' : '',
    round.whenStoreFails === 'open' && facts.unavailable > 0
      ? `${facts.unavailable} answers of 503 on an open route`
      : '',
  ]
  return {
    faults: faults.filter((fault) => fault !== ''),
    overAdmitted: sum(judgements.map(({ overAdmitted }) => overAdmitted)),
    excused: sum(judgements.map(({ excused }) => excused)),
  }
}

function judgeClient(round: Round, { dead, isUsedUp }: Facts, { client, admitted }: ClientFacts): Judgement {
  const { limit, whenStoreFails } = round
  const total = sum([...admitted.values()])
  const isLost = round.faults.some(({ what }) => kindOf(what).isLoss)
  const isUnlimited = whenStoreFails === 'open' && isLost
  const promised = isUnlimited ? total : whenStoreFails === 'insured' ? Math.floor(limit * 1.1) : limit
  // Nobody is left who knows what they had admitted, neither they nor the store.
  const excuse = isLost ? sum(dead.map((name) => admitted.get(name) ?? 0)) : 0
  const overAdmitted = Math.max(0, total - promised - excuse)
  const least = limit - dead.length * Math.ceil(limit * inHandPart) - underWayAtMost
  const faults = [
    overAdmitted > 0 ? `${client}: ${total} admitted, ${promised + excuse} are the most` : '',
    isUsedUp && total < least ? `${client}: ${total} admitted, ${least} are the least` : '',
  ]
  return {
    faults: faults.filter((fault) => fault !== ''),
    overAdmitted,
    excused: isUnlimited ? 0 : Math.max(0, total - promised - overAdmitted),
  }
}

/** Each window by itself. What was served as a process died is told by nobody: it counts against all of them. */
function judgeWindows({ limit }: Round, { clients, servedByReset, dead }: Facts): Judgement {
  const total = sum(clients.flatMap(({ admitted }) => [...admitted.values()]))
  const windows = [...servedByReset].toSorted(([a], [b]) => Number(a) - Number(b))
  const over = windows.map(([, served]) => Math.max(0, served - limit))
  const overAdmitted = Math.max(sum(over), total - limit * windows.length)
  const least = limit - dead.length * Math.ceil(limit * inHandPart) - underWayAtMost
  const poor = windows.slice(1, -1).filter(([, served]) => served < least)
  return {
    faults: [
      ...(overAdmitted > 0 ? [`${overAdmitted} admitted too much in ${windows.length} windows`] : []),
      ...poor.map(
        ([reset, served]) => `${served} served in the window until ${reset}, ${least} are the least`,
      ),
    ],
    overAdmitted: Math.max(0, overAdmitted),
    excused: 0,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
