import { Counter, type Registry } from 'prom-client'
import type { RevocationReport } from '../revocation-intake.ts'

/** The figures of how the gateway hears of revocations. Labels are of this program's own words, never of a sender's. */
export class RevocationMetrics {
  readonly #revocations: Counter<'source' | 'target' | 'effect' | 'outcome'>
  readonly #events: Counter<'outcome'>
  readonly #refused: Counter<'endpoint' | 'reason'>
  readonly #unread: Counter

  constructor(registry: Registry) {
    const registers = [registry]
    this.#revocations = new Counter({
      name: 'passerelle_revocations_total',
      help: 'Revocations, by how the gateway heard of them, whom they are about, and whether all processes were told.',
      labelNames: ['source', 'target', 'effect', 'outcome'] as const,
      registers,
    })
    this.#events = new Counter({
      name: 'passerelle_security_events_total',
      help: 'Good Security Event Tokens: taken, ignored, about a subject that cannot be named, or delivered again.',
      labelNames: ['outcome'] as const,
      registers,
    })
    this.#refused = new Counter({
      name: 'passerelle_revocation_refusals_total',
      help: 'Requests that the revocation and event endpoints refused, by the code of the refusal.',
      labelNames: ['endpoint', 'reason'] as const,
      registers,
    })
    this.#unread = new Counter({
      name: 'passerelle_revocations_unread_total',
      help: 'Tokens revoked through the gateway that it could not read on the way.',
      registers,
    })
  }

  count({ source, target, effect, outcome }: RevocationReport): void {
    this.#revocations.inc({ source, target, effect, outcome })
  }

  countEvent(outcome: string): void {
    this.#events.inc({ outcome })
  }

  countRefused(endpoint: string, reason: string): void {
    this.#refused.inc({ endpoint, reason })
  }

  countUnread(): void {
    this.#unread.inc()
  }
}
