import type { LimitPolicy } from '../limit-policy.ts'
import type { LeaseGrant, LeaseRequest } from './lease-store.ts'
import type { Allowance } from './ledger.ts'

/** A point in time, on the clock that never jumps and on the one that goes on while the machine sleeps. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** When a call was sent and its answer received, and what the store's clock said in between. */
export interface CallTimes {
  readonly sent: Moment
  readonly received: Moment
  readonly storeMs: number
}

/** What waits for an answer of the store. */
export interface Waiting {
  /** All that is waited for; 0 to ask ahead of need. */
  readonly need: number
  /** The least that would be of use; at least 1. */
  readonly least: number
}

/** What those who keep leases and ask for them note of each. */
export class LeaseNotes {
  readonly id: string
  readonly bucket: string
  policy: LimitPolicy
  /** The call under way for it, of which there is one at a time. */
  flight: Promise<void> | undefined
  /** What waits for that call, in requests as they count, and in requests. */
  waiting = 0
  waiters = 0
  /** The epoch in which it was last stated to the store. */
  epoch = ''
  /** When it was last asked for, by the clock that never jumps. */
  usedAtMs = 0
  /** Whether it was used in a way of which the store has not heard. */
  mustState = false

  constructor({ id, bucket }: { id: string; bucket: string }, policy: LimitPolicy) {
    this.id = id
    this.bucket = bucket
    this.policy = policy
  }
}

/** What a process knows of one policy and holds of it. Everything here is decided without asking anybody. */
export interface Lease extends LeaseNotes {
  /** Takes a policy of the same subject whose rule may differ. */
  adopt(policy: LimitPolicy): void
  /** Whether the store has ever said anything of it. */
  isKnown(): boolean
  /** Whether it has said something a moment ago. */
  isRecent(now: Moment): boolean
  /** Whether so many are in hand and may still be used; by those whom the store has just answered, even at the last moment. */
  has(cost: number, now: Moment, isAnswered?: boolean): boolean
  /** Whether asking for so many would be in vain. */
  isDenied(cost: number, now: Moment): boolean
  /** Hears that somebody has given something back. */
  hearOfRoom(now: Moment): void
  spend(cost: number): void
  /** Whether it is time to ask for more, before there is need. */
  isLow(): boolean
  /** Whether anything could be given back. */
  isHolding(now: Moment): boolean
  /** How long it may lie idle before what is in hand is given back, in milliseconds. */
  idleMs(): number
  /** Until when it holds what the store must be told again if it loses data, by the clock that never jumps. */
  knownUntilMs(): number
  /** What to ask the store for; with nothing waited for, ahead of need. */
  ask(waiting: Waiting, now: Moment): LeaseRequest
  /** States what is held, and asks for nothing. Whether what is in hand goes back with it. */
  state(mustGiveBack: boolean): LeaseRequest
  accept(grant: LeaseGrant, times: CallTimes, waiting: Waiting): void
  /** Takes from a share of its own while the store is gone; whether there was room. */
  insure(cost: number, share: number, now: Moment): boolean
  /** Whether there seems to be room for so many, in hand or in the store. */
  fits(cost: number, now: Moment): boolean
  /** What it says of itself, once it is known. */
  allowance(hasRoom: boolean, now: Moment, cost: number): Allowance
}

/**
 * How long those who waited for an answer may use what it brought, whatever it says of later: long enough for them to be
 * woken. The store has counted them at a moment when there was room.
 */
export const answeredMs = 20

/** How long what the store has said is told without asking again, to those who only want to know. */
export const recentMs = 250
