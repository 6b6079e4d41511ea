import type { Revocation, Revocations } from './revocation.ts'

/** How the gateway heard of a revocation. */
export type RevocationSource = 'endpoint' | 'event' | 'passed-through'

/** `everywhere`: all processes heed it. `only-here`: the store could not be told. `refused`: too many at once. */
export type RevocationOutcome = 'everywhere' | 'only-here' | 'refused'

/** What became of a revocation, in words that name nobody: whom it was about is for no log. */
export interface RevocationReport {
  readonly source: RevocationSource
  readonly target: Revocation['target']['kind']
  readonly effect: Revocation['effect']
  readonly outcome: RevocationOutcome
  /** Why not everywhere. */
  readonly cause?: unknown
}

/**
 * Most revocations on their way to the store at once; who sends more is told to come again. What clients bring about has a
 * bound of its own, and takes no place of those who may announce.
 */
const maxUnderWay = 256

/** Where every way of hearing of revocations leads: announces them, and reports what became of each. */
export class RevocationIntake {
  readonly #revocations: Revocations
  readonly #report: (report: RevocationReport) => void
  readonly #underWay = { announced: 0, passed: 0 }

  constructor(revocations: Revocations, report: (report: RevocationReport) => void) {
    this.#revocations = revocations
    this.#report = report
  }

  /** Resolves to whether every gateway process heeds the revocation; if not, it must be sent again. Never rejects. */
  async take(source: RevocationSource, revocation: Revocation): Promise<boolean> {
    const about = { source, target: revocation.target.kind, effect: revocation.effect }
    const kind = source === 'passed-through' ? 'passed' : 'announced'
    if (this.#underWay[kind] >= maxUnderWay) {
      this.#report({ ...about, outcome: 'refused' })
      return false
    }
    this.#underWay[kind] += 1
    try {
      await this.#revocations.announce(revocation)
      this.#report({ ...about, outcome: 'everywhere' })
      return true
    } catch (cause) {
      this.#report({ ...about, outcome: 'only-here', cause })
      return false
    } finally {
      this.#underWay[kind] -= 1
    }
  }
}
