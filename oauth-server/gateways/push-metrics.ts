import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { PushListener } from './gateway-courier.ts'
import type { PushOutcome } from './tell-gateway.ts'

/** Seconds from a change to when a gateway has heeded it: within one it is in time, and an hour is an outage. */
const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3_600]

/** What is told of the pushes to gateways; a gateway is named by its URL in the configuration. */
export class PushMetrics implements PushListener {
  readonly #pushes: Counter<'gateway' | 'outcome'>
  readonly #seconds: Histogram<'gateway'>

  /** @param countWaiting How many pushes each gateway is waiting for; asked for when the metrics are read. */
  constructor(registry: Registry, countWaiting: () => Promise<ReadonlyMap<string, number>>) {
    this.#pushes = new Counter({
      name: 'passerelle_oauth_revocation_pushes_total',
      help: 'Times that a gateway was told of a revocation or a change, by what became of it.',
      labelNames: ['gateway', 'outcome'],
      registers: [registry],
    })
    this.#seconds = new Histogram({
      name: 'passerelle_oauth_revocation_push_seconds',
      help: 'Time from a revocation or a change until a gateway had heeded it.',
      labelNames: ['gateway'],
      buckets,
      registers: [registry],
    })
    const waiting: Gauge<'gateway'> = new Gauge({
      name: 'passerelle_oauth_revocation_pushes_waiting',
      help: 'What a gateway is still to be told.',
      labelNames: ['gateway'],
      registers: [registry],
      async collect() {
        waiting.reset()
        // The other figures are told while the database is away.
        const counts = await countWaiting().catch(() => new Map<string, number>())
        for (const [gateway, count] of counts) waiting.set({ gateway }, count)
      },
    })
  }

  pushed(gateway: string, outcome: PushOutcome, ageMs: number): void {
    this.#pushes.inc({ gateway, outcome })
    if (outcome === 'told') this.#seconds.observe({ gateway }, ageMs / 1_000)
  }
}
