import type { Charge } from '../../gateway/charge.ts'
import { StoreUnavailable } from '../../gateway/shared-store.ts'
import { LeaseLedger } from '../../gateway/throttle/lease-ledger.ts'
import type { LeaseAnswer, LeaseCall, LeaseStore } from '../../gateway/throttle/lease-store.ts'
import type { Allowance } from '../../gateway/throttle/ledger.ts'
import { settle, TestStore } from './lease-fleet.ts'
import { LeaseModel } from './lease-model.ts'

/** What becomes of a call on its way to the store and of its answer on the way back. */
export type Fate = 'arrives' | 'never arrives' | 'loses its answer' | 'arrives late' | 'arrives twice'

/** One thing that happens in a world. */
export type WorldEvent =
  | { readonly kind: 'request'; readonly node: number; readonly cost: number }
  | { readonly kind: 'requests together'; readonly node: number; readonly count: number }
  | { readonly kind: 'time passes'; readonly ms: number }
  | { readonly kind: 'the next calls'; readonly fates: readonly Fate[] }
  | { readonly kind: 'a late call arrives'; readonly index: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'restart without the last writes' }
  | { readonly kind: 'the store’s clock jumps'; readonly ms: number }
  | { readonly kind: 'node dies'; readonly node: number }
  | { readonly kind: 'node stops cleanly'; readonly node: number }
  | { readonly kind: 'node is cut off'; readonly node: number }
  | { readonly kind: 'node is back'; readonly node: number }
  | { readonly kind: 'limit changes'; readonly limit: number }

/** What came to the store, in its order: to be played again on another store. */
export type TraceEntry = CallEntry | { readonly kind: 'flush' } | { readonly kind: 'restart' }

interface CallEntry {
  readonly kind: 'call'
  readonly processId: string
  readonly call: LeaseCall
  readonly answer: LeaseAnswer
}

export interface TimedEntry {
  readonly nowUs: number
  readonly entry: TraceEntry
}

interface Node {
  readonly id: string
  readonly ledger: LeaseLedger
  readonly store: TestStore
  readonly ticks: (() => void)[]
  readonly messages: (() => void)[]
  admitted: number
  shown: { resetAtS: number; remaining: number } | undefined
}

export interface WorldOptions {
  /** Whether a rate is held, of `limit` at once and one more each 100 ms, instead of a window. */
  readonly isRate?: boolean
  readonly nodes: number
  readonly limit: number
  readonly windowMs: number
}

/** Gateways on one store, in one process and in a time of their own, where everything can go wrong between them. */
export class LeaseWorld {
  readonly model = new LeaseModel()
  readonly trace: TimedEntry[] = []
  /** Admitted requests by the end of their window, as the ledger told it. */
  readonly admittedByEnd = new Map<number, number>()
  /** What was wrong at any time. */
  readonly faults: string[] = []
  admitted = 0
  highestLimit: number
  /** Admitted by processes of which a loss of the store's data can leave no trace. */
  excused = 0
  readonly #windowMs: number
  readonly #isRate: boolean
  /** When each request was admitted. */
  readonly #admittedAtMs: number[] = []
  readonly #nodes: Node[] = []
  readonly #late: (() => void)[] = []
  #fates: Fate[] = []
  #limit: number
  #monotonicMs = 1_000
  #count = 0
  #snapshot: (() => void) | undefined
  #losses = 0
  #diedAdmitted = 0
  #charges = new Map<string, Charge>()

  constructor({ nodes, limit, windowMs, isRate = false }: WorldOptions) {
    this.#isRate = isRate
    this.#limit = limit
    this.highestLimit = limit
    this.#windowMs = windowMs
    for (let i = 0; i < nodes; i += 1) this.#nodes.push(this.#start())
    this.#introduce()
  }

  async run(events: readonly WorldEvent[]): Promise<void> {
    for (const event of events) {
      await this.#happen(event)
      await settle()
      this.#check()
      if (this.faults.length > 0) return
    }
  }

  /** Ends every node, cleanly. */
  async close(): Promise<void> {
    for (const { ledger } of this.#nodes) await ledger.close()
  }

  async #happen(event: WorldEvent): Promise<void> {
    switch (event.kind) {
      case 'request':
        return this.#request(event.node, event.cost)
      case 'requests together':
        await Promise.all(Array.from({ length: event.count }, () => this.#request(event.node, 1)))
        return
      case 'time passes':
        return this.#pass(event.ms)
      case 'the next calls':
        this.#fates.push(...event.fates)
        return
      case 'a late call arrives':
        this.#late.splice(event.index % Math.max(1, this.#late.length), 1)[0]?.()
        return
      case 'flush':
        this.#lose('flush', () => this.model.flush())
        return
      case 'restart':
        this.#lose('restart', () => {
          this.model.run += 1
        })
        return
      case 'restart without the last writes':
        this.#lose('restart', () => {
          this.model.run += 1
          this.#snapshot?.()
        })
        return
      case 'the store’s clock jumps':
        this.model.nowUs += event.ms * 1_000
        return
      case 'limit changes':
        this.#limit = event.limit
        this.highestLimit = Math.max(this.highestLimit, event.limit)
        this.#charges = new Map()
        for (const node of this.#nodes) node.shown = undefined
        return
      default:
        return this.#nodeEvent(event.kind, event.node)
    }
  }

  async #nodeEvent(
    kind: 'node dies' | 'node stops cleanly' | 'node is cut off' | 'node is back',
    index: number,
  ) {
    const at = index % this.#nodes.length
    const node = this.#nodes[at] as Node
    if (kind === 'node is cut off') node.store.set(false)
    else if (kind === 'node is back') {
      node.store.set(true)
      for (const hear of node.messages.splice(0)) hear()
    } else {
      if (kind === 'node stops cleanly') await node.ledger.close()
      this.#diedAdmitted += node.admitted
      node.store.set(false)
      this.#nodes[at] = this.#start()
    }
  }

  async #request(index: number, cost: number): Promise<void> {
    const node = this.#nodes[index % this.#nodes.length] as Node
    try {
      const { isAdmitted, allowances } = await node.ledger.take(this.#charge(cost))
      const [allowance] = allowances
      if (allowance === undefined) return
      this.#hold(node, allowance)
      if (!isAdmitted) return
      node.admitted += cost
      this.admitted += cost
      for (let i = 0; i < cost; i += 1) this.#admittedAtMs.push(this.#monotonicMs)
      if (this.#isRate) return
      const end = allowance.resetAtS
      this.admittedByEnd.set(end, (this.admittedByEnd.get(end) ?? 0) + cost)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'quota-unavailable')) throw error
    }
  }

  /** What a client is told within one window never rises on one process, and is nothing on a refusal. */
  #hold(node: Node, { hasRoom, resetAtS, remaining }: Allowance): void {
    if (this.#isRate) return
    if (!hasRoom && remaining !== 0) this.faults.push(`${remaining} left on a refusal`)
    const { shown } = node
    if (hasRoom && shown?.resetAtS === resetAtS && remaining > shown.remaining)
      this.faults.push(`left rose from ${shown.remaining} to ${remaining}`)
    if (hasRoom) node.shown = { resetAtS, remaining }
  }

  async #pass(ms: number): Promise<void> {
    this.#monotonicMs += ms
    this.model.nowUs += ms * 1_000
    if (ms >= 1_000) this.#introduce()
    for (const node of this.#nodes) for (const tick of node.ticks) tick()
    await settle()
    // What was written until now is on the disk of a store that starts again.
    if (this.model.nowUs % 3 === 0) this.#snapshot = this.model.snapshot()
  }

  #lose(kind: 'flush' | 'restart', lose: () => void): void {
    lose()
    this.#losses += 1
    this.trace.push({ nowUs: this.model.nowUs, entry: { kind } })
  }

  #charge(cost: number): Charge {
    const known = this.#charges.get(String(cost))
    if (known !== undefined) return known
    const rule = { algorithm: 'fixed-window', limit: this.#limit, windowMs: this.#windowMs } as const
    const policy = { name: 'client', subject: 's', owner: 's', rule, isShadow: false }
    // Beside it a rate of which some is taken in hand, and one that is asked for each time.
    const rates = [this.#limit * 10, 5].map((burst) => ({
      ...{ name: 'rate', subject: `r${burst > 5}`, owner: 's', isShadow: burst === 5 },
      rule: { algorithm: 'gcra', burst, intervalMs } as const,
    }))
    const rate = {
      ...policy,
      subject: 'rate',
      rule: { algorithm: 'gcra', burst: this.#limit, intervalMs } as const,
    }
    const policies = this.#isRate ? [rate] : [policy, ...rates]
    const charge: Charge = { policies, cost, whenStoreFails: 'strict' }
    this.#charges.set(String(cost), charge)
    return charge
  }

  #start(): Node {
    this.#count += 1
    const id = `n${this.#count}`
    const ticks: (() => void)[] = []
    const messages: (() => void)[] = []
    const store: TestStore = new TestStore(id, {
      listeners: [],
      publish: (topic: string, message: string) => this.#publish(topic, message),
    })
    const ledger = new LeaseLedger({
      store,
      leaseStore: this.#network(store),
      now: () => ({ monotonicMs: this.#monotonicMs, wallMs: this.#monotonicMs }),
      listener: { notCounted: () => {} },
      every: (_ms, tick) => {
        ticks.push(tick)
        return () => ticks.splice(0)
      },
    })
    return { id, ledger, store, ticks, messages, admitted: 0, shown: undefined }
  }

  /** A message is heard at once; by a node that is cut off not before it is back. */
  #publish(topic: string, message: string): void {
    for (const { store, messages } of this.#nodes) {
      const hear = () => store.hear(topic, message)
      if (store.isUp) queueMicrotask(hear)
      else if (topic === 'lost') messages.push(hear)
    }
  }

  /** Each node hears of all the others, also of those that have died lately. */
  #introduce(): void {
    const ids = Array.from({ length: this.#count }, (_, index) => `n${index + 1}`)
    for (const { id, store } of this.#nodes) store.peers = ids.filter((other) => other !== id)
  }

  #network(store: TestStore): LeaseStore {
    return {
      call: async (call) => {
        if (!store.isUp) throw new StoreUnavailable('cut off')
        const fate = this.#fates.shift() ?? 'arrives'
        if (fate === 'never arrives') throw new StoreUnavailable(fate)
        if (fate === 'arrives late') {
          this.#late.push(() => this.#apply(store.processId, call))
          throw new StoreUnavailable(fate)
        }
        const answer = this.#apply(store.processId, call)
        if (fate === 'arrives twice') this.#late.push(() => this.#apply(store.processId, call))
        if (fate === 'loses its answer') throw new StoreUnavailable(fate)
        if (answer.grants.some((grant) => grant.kind === 'window' && grant.startMs < 0))
          throw new StoreUnavailable('overtaken')
        return answer
      },
    }
  }

  #apply(processId: string, call: LeaseCall): LeaseAnswer {
    const awaited = [...(this.model.epochs.get(call.bucket)?.awaited ?? [])]
    const wasOpen = this.model.epochs.get(call.bucket)?.isOpen === true
    const answer = this.model.apply(processId, call)
    this.trace.push({ nowUs: this.model.nowUs, entry: { kind: 'call', processId, call, answer } })
    // Opened although somebody who lives had not stated: it was out of reach for longer than is waited.
    if (answer.isOpen && !wasOpen)
      for (const node of this.#nodes)
        if (awaited.includes(node.id) && node.id !== processId) this.excused += node.admitted
    return answer
  }

  #check(): void {
    const excused = this.#losses > 0 ? this.excused + this.#diedAdmitted : 0
    for (const [end, admitted] of this.admittedByEnd)
      if (admitted > this.highestLimit + excused)
        this.faults.push(`${admitted} admitted in the window to ${end}`)
    this.#checkRate(excused)
    for (const [id, { g, o, rows }] of this.model.windows) {
      const granted = [...rows.values()].reduce((sum, { G }) => sum + G, o)
      if (g !== granted) this.faults.push(`${id}: ${g} are not ${granted}`)
      for (const [node, { G, U }] of rows) if (U > G) this.faults.push(`${node} used ${U} of ${G}`)
    }
  }

  /** In no stretch of time more than the burst, and what the rate adds. */
  #checkRate(excused: number): void {
    if (!this.#isRate) return
    const last = this.#admittedAtMs.at(-1) ?? 0
    for (const [index, first] of this.#admittedAtMs.entries()) {
      const admitted = this.#admittedAtMs.length - index
      const allowed = this.highestLimit + (last - first) / intervalMs + excused
      if (admitted > allowed) this.faults.push(`${admitted} admitted in ${last - first} ms, of ${allowed}`)
    }
  }
}

/** How often a rate adds one. */
const intervalMs = 100
