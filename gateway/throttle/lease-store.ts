import { type SharedStore, StoreUnavailable } from '../shared-store.ts'
import { leaseScript } from './lease-script.ts'

/** What a process holds of one window, and what it asks for. Times are the store's, in milliseconds. */
export interface WindowRequest {
  readonly kind: 'window'
  readonly id: string
  /** Whether its refusal refuses nobody. */
  readonly isShadow: boolean
  readonly limit: number
  readonly windowMs: number
  /** Requests it would like to have in hand; 0 only states what it holds. */
  readonly want: number
  /** Requests that are waited for, and the least of them that would be of use; with what is in hand already. */
  readonly need: number
  readonly least: number
  /** The window that it knows of; 0 when it knows of none. */
  readonly startMs: number
  readonly endMs: number
  /** What it was granted in that window and has not given back; -1 when it has forgotten. */
  readonly claim: number
  readonly used: number
  /** All that was granted to anybody, as it last heard. */
  readonly total: number
  /** How long what it gets may stay in its hands. */
  readonly ttlMs: number
  /** Whether the store has lost data since it last heard of this window. */
  readonly isAfterLoss: boolean
}

/** What a process knows of one rate, and what it asks for. Times are the store's, in microseconds. */
export interface RateRequest {
  readonly kind: 'rate'
  readonly id: string
  readonly isShadow: boolean
  readonly burst: number
  readonly intervalUs: number
  readonly want: number
  readonly need: number
  readonly least: number
  /** The latest theoretical arrival time that it heard of, and what the store's clock said then. */
  readonly arrivalUs: number
  readonly heardUs: number
  /** How long what it gets would stay in its hands. */
  readonly leaseUs: number
}

export type LeaseRequest = WindowRequest | RateRequest

export interface WindowGrant {
  readonly kind: 'window'
  /** Whether what it stated belongs to this window, does not, or could not be told because it has forgotten. */
  readonly continues: 'yes' | 'no' | 'forgotten'
  /** 0 when no window is running and none was begun. */
  readonly startMs: number
  readonly endMs: number
  /** -1 where there was room, and another policy of the same call refused. */
  readonly granted: number
  readonly claim: number
  /** What is left for anybody to be granted; below 0 when a limit was lowered. */
  readonly left: number
  /** For how long others may still give something back, in milliseconds; told when nothing could be granted. */
  readonly heldForMs: number
  /** What all are to be told: to give back what they do not use, or that somebody did of whom that was asked. */
  readonly tidings: readonly ('recall' | 'room')[]
}

export interface RateGrant {
  readonly kind: 'rate'
  /** -1 where there was room, and another policy of the same call refused. */
  readonly granted: number
  readonly arrivalUs: number
  /** How long what was granted may stay in hand; 0 when it is to be used at once. */
  readonly leaseUs: number
  readonly nowUs: number
}

/** What the store holds under this name was written by somebody else: it is neither used nor changed. */
export interface NoGrant {
  readonly kind: 'corrupt'
}

export type LeaseGrant = WindowGrant | RateGrant | NoGrant

/** One call: requests that lie in one bucket. */
export interface LeaseCall {
  readonly bucket: string
  /** Number of the call: each of a process higher than the one before. */
  readonly sequence: number
  /** The other processes that were heard of lately. */
  readonly peers: readonly string[]
  /** How long others have, after a loss, to be heard of. */
  readonly learnMs: number
  /** The epoch for which this process has stated all that it holds in this bucket; empty for none. */
  readonly statedEpoch: string
  readonly requests: readonly LeaseRequest[]
}

export interface LeaseAnswer {
  readonly nowMs: number
  /** Changes whenever the bucket may have lost data. */
  readonly epoch: string
  /** Whether this call was the first to see it. */
  readonly isNewEpoch: boolean
  /** Whether anything is granted: not until what was lost has been stated again. */
  readonly isOpen: boolean
  readonly grants: readonly LeaseGrant[]
}

/** Where leases are granted. */
export interface LeaseStore {
  call(call: LeaseCall): Promise<LeaseAnswer>
}

/** How long a process that was heard of lately is waited for after a loss: then what it holds counts as lost. */
export const patienceMs = 5_000

/** Grants by the script, in the shared store. */
export class RedisLeaseStore implements LeaseStore {
  readonly #store: SharedStore

  constructor(store: SharedStore) {
    this.#store = store
  }

  async call(call: LeaseCall): Promise<LeaseAnswer> {
    const { bucket, requests } = call
    const keys = [this.#store.key(bucket, 'epoch')]
    const args: (string | number)[] = [this.#store.processId, call.sequence, call.peers.join(',')]
    args.push(call.learnMs, patienceMs, call.statedEpoch)
    for (const request of requests) {
      keys.push(this.#store.key(bucket, `q:${request.id}`))
      pushRequest(args, request)
    }
    return readAnswer(await this.#store.run(leaseScript, keys, args), requests)
  }
}

function pushRequest(args: (string | number)[], request: LeaseRequest): void {
  const shadow = request.isShadow ? 1 : 0
  if (request.kind === 'rate') {
    const { burst, intervalUs, want, need, least, arrivalUs, heardUs, leaseUs } = request
    args.push('r', shadow, burst, intervalUs, want, need, least, arrivalUs, heardUs, leaseUs)
    return
  }
  const { limit, windowMs, want, need, least, startMs, endMs, claim, used, total } = request
  args.push('w', shadow, limit, windowMs, want, need, least, startMs, endMs, claim, used, total)
  args.push(request.ttlMs, request.isAfterLoss ? 1 : 0)
}

/** Reads the script's reply. Throws `StoreUnavailable` where it is none: the store runs something else by its name. */
function readAnswer(reply: unknown, requests: readonly LeaseRequest[]): LeaseAnswer {
  const [nowMs, epoch, isNewEpoch, isOpen, ...grants] = asList(reply, 4 + requests.length)
  if (typeof epoch !== 'string') throw malformed()
  return {
    nowMs: asNumber(nowMs),
    epoch,
    isNewEpoch: isNewEpoch === 1,
    isOpen: isOpen === 1,
    grants: requests.map(({ kind }, index) =>
      grants[index] === 'corrupt'
        ? corrupt
        : kind === 'rate'
          ? readRate(grants[index])
          : readWindow(grants[index]),
    ),
  }
}

const corrupt: NoGrant = { kind: 'corrupt' }

function readWindow(reply: unknown): WindowGrant {
  const numbers = asList(reply, 9).map(asNumber)
  const [continues, startMs, endMs, granted, claim, left, heldForMs, mustRecall, isBack] = numbers as [
    ...[number, number, number, number],
    ...[number, number, number, number, number],
  ]
  // The call arrived after a later one of this process, whose answer is the one that counts.
  if (continues === -1) throw new StoreUnavailable('the lease call was overtaken')
  return {
    kind: 'window',
    continues: continues === 1 ? 'yes' : continues === 2 ? 'forgotten' : 'no',
    ...{ startMs, endMs, granted, claim, left, heldForMs },
    tidings: [
      ...(mustRecall === 1 ? (['recall'] as const) : []),
      ...(isBack === 1 ? (['room'] as const) : []),
    ],
  }
}

function readRate(reply: unknown): RateGrant {
  const [granted, arrivalUs, leaseUs, nowUs] = asList(reply, 4).map(asNumber) as [
    number,
    number,
    number,
    number,
  ]
  return { kind: 'rate', granted, arrivalUs, leaseUs, nowUs }
}

function asList(reply: unknown, length: number): unknown[] {
  if (!Array.isArray(reply) || reply.length !== length) throw malformed()
  return reply
}

function asNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed()
  return value
}

function malformed(): StoreUnavailable {
  return new StoreUnavailable('the lease script gave no proper answer')
}
