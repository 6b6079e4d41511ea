import { type Answer, call, type FailurePolicy, type Fleet, type Member } from './fleet.ts'

export interface DemandPlan {
  readonly clients: readonly string[]
  readonly whenStoreFails: FailurePolicy
  readonly perSecond: number
  readonly alone?: { readonly slot: number; readonly untilMs: number }
}

/** What one client was told by one process. */
interface Told {
  refusalsInARow: number
  /** The least that was left of each window, by its end. */
  readonly lowest: Map<string, number>
}

/** How long nobody may have been served before a quota counts as used up. */
const quietMs = 600

/** Requests of a round's clients, at a steady pace, turn by turn to every gateway; and what became of them. */
export class Demand {
  readonly plan: DemandPlan
  readonly faults: string[] = []
  readonly servedByReset = new Map<string, number>()
  offered = 0
  served = 0
  refused = 0
  unavailable = 0
  lost = 0
  readonly #fleet: Fleet
  readonly #told = new Map<string, Told>()
  readonly #lastServedMs = new Map<string, number>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  readonly #startedMs = performance.now()
  #due = 0

  constructor(fleet: Fleet, plan: DemandPlan) {
    this.plan = plan
    this.#fleet = fleet
    this.#timer = setInterval(() => this.#offer(), 10)
  }

  /** Whether every client is refused by every process, and has been for a moment. */
  get isUsedUp(): boolean {
    const nowMs = performance.now()
    return this.plan.clients.every(
      (client) =>
        nowMs - (this.#lastServedMs.get(client) ?? this.#startedMs) > quietMs &&
        this.#fleet.present.every((member) => this.#toldOf(client, member).refusalsInARow >= 2),
    )
  }

  /** Offers nothing more, and waits for what is under way. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
  }

  #offer(): void {
    const total = ((performance.now() - this.#startedMs) * this.plan.perSecond) / 1_000
    // Whatever this process itself was held up for is not made up for in one burst.
    for (let sent = 0; this.#due < total && sent < 20; sent += 1, this.#due += 1) this.#offerOne(this.#due)
    this.#due = Math.max(this.#due, Math.floor(total) - 20)
  }

  #offerOne(turn: number): void {
    const { clients, alone } = this.plan
    const isAlone = alone !== undefined && performance.now() - this.#startedMs < alone.untilMs
    const members = isAlone ? [this.#fleet.at(alone.slot)] : this.#fleet.present
    const client = clients[turn % clients.length]
    const member = members[Math.floor(turn / clients.length) % members.length]
    if (client === undefined || member === undefined || member.isGone) return
    const request = this.#send(client, member).finally(() => this.#underWay.delete(request))
    this.#underWay.add(request)
  }

  async #send(client: string, member: Member): Promise<void> {
    const told = this.#toldOf(client, member)
    const before = new Map(told.lowest)
    const { touches } = member
    this.offered += 1
    try {
      const answer = await call(member, `/${this.plan.whenStoreFails}`, client)
      this.#note(client, member, answer)
      this.#compare(before, told, { name: `${client} at ${member.name}`, answer })
    } catch (error) {
      this.lost += 1
      if (member.touches === touches && !member.isPaused)
        this.faults.push(
          `${member.name} cut a request off: ${error instanceof Error ? error.message : error}`,
        )
    }
  }

  #note(client: string, member: Member, { status, headers, body }: Answer): void {
    const told = this.#toldOf(client, member)
    if (status === 429) {
      this.refused += 1
      told.refusalsInARow += 1
      return
    }
    told.refusalsInARow = 0
    if (status === 200) {
      this.served += 1
      const reset = String(headers['x-rate-limit-reset'])
      this.servedByReset.set(reset, (this.servedByReset.get(reset) ?? 0) + 1)
      this.#lastServedMs.set(client, performance.now())
    } else if (status === 503 && body.includes('"code":"quota-unavailable"')) this.unavailable += 1
    else this.faults.push(`${member.name} answered ${status}: ${body.slice(0, 200)}`)
  }

  /** What is left never rises: told after an answer was read, it is not more than that answer said. */
  #compare(
    before: ReadonlyMap<string, number>,
    told: Told,
    { name, answer }: { name: string; answer: Answer },
  ) {
    const reset = answer.headers['x-rate-limit-reset']
    const remaining = Number(answer.headers['x-rate-limit-remaining'])
    if (typeof reset !== 'string' || Number.isNaN(remaining)) return
    const lowest = before.get(reset)
    if (lowest !== undefined && remaining > lowest)
      this.faults.push(`${name}: ${remaining} left (${answer.status}), after it had been ${lowest}`)
    told.lowest.set(reset, Math.min(remaining, told.lowest.get(reset) ?? remaining))
  }

  #toldOf(client: string, { name }: Member): Told {
    const key = `${client} ${name}`
    const known = this.#told.get(key) ?? { refusalsInARow: 0, lowest: new Map() }
    this.#told.set(key, known)
    return known
  }
}
