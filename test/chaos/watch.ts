import { call, type Fleet, freeRoute, type Member } from './fleet.ts'

const intervalMs = 250

/** Looks all the time whether gateways are ready, and know whom they know: whatever becomes of the store. */
export class Watch {
  readonly faults: string[] = []
  looks = 0
  readonly #fleet: Fleet
  readonly #timer: NodeJS.Timeout

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#timer = setInterval(() => {
      for (const member of fleet.present) if (!member.isPaused) void this.#look(member)
    }, intervalMs)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  async #look(member: Member): Promise<void> {
    const { touches } = member
    const [isReady, status] = await Promise.all([
      member.process.isReady(),
      call(member, freeRoute).then(
        (answer) => answer.status,
        (error: unknown) => String(error),
      ),
    ])
    if (member.touches !== touches || !this.#fleet.present.includes(member)) return
    this.looks += 1
    if (!isReady) this.faults.push(`${member.name} is not ready`)
    if (status !== 200) this.faults.push(`${member.name} answers ${status} where nothing is counted`)
  }
}
