import { Counter, type Registry } from 'prom-client'

/** What is counted of one identity provider's tokens. */
export interface ProviderCounts {
  cacheHit(): void
  resolved(outcome: string): void
}

/** The figures of how tokens were resolved. Labels are names of the configuration and words of this program. */
export class TokenMetrics {
  readonly #lookUps: Counter<'provider' | 'outcome'>
  readonly #corrupt: Counter
  readonly #revocations: Counter<'kind' | 'effect'>
  readonly #unremembered: Counter
  readonly #cacheHits = new Map<string, { count: number; told: number }>()

  constructor(registry: Registry) {
    const registers = [registry]
    this.#lookUps = new Counter({
      name: 'passerelle_token_lookups_total',
      help: 'How access tokens were resolved, by identity provider: cached, shared (by the store), valid, invalid or failed (by asking the provider), stale, negative, revoked or capped.',
      labelNames: ['provider', 'outcome'] as const,
      registers,
      collect: () => this.#tellCacheHits(),
    })
    this.#corrupt = new Counter({
      name: 'passerelle_token_store_corrupt_total',
      help: 'Entries and messages of the store about tokens that no gateway has written.',
      registers,
    })
    this.#unremembered = new Counter({
      name: 'passerelle_revocations_unremembered_total',
      help: 'Tokens revoked through the gateway that are not remembered: too many unknown ones came from one address.',
      registers,
    })
    this.#revocations = new Counter({
      name: 'passerelle_revocations_heeded_total',
      help: 'Revocations that this process heeds, by whom they are about and what they demand.',
      labelNames: ['kind', 'effect'] as const,
      registers,
    })
  }

  countUnremembered(): void {
    this.#unremembered.inc()
  }

  /** Counts for one provider. A hit is counted in a plain number: it happens on nearly every request. */
  of(provider: string): ProviderCounts {
    const hits = { count: 0, told: 0 }
    this.#cacheHits.set(provider, hits)
    return {
      cacheHit: () => {
        hits.count += 1
      },
      resolved: (outcome) => this.#lookUps.inc({ provider, outcome }),
    }
  }

  countCorrupt(): void {
    this.#corrupt.inc()
  }

  countRevocation(kind: string, effect: string): void {
    this.#revocations.inc({ kind, effect })
  }

  #tellCacheHits(): void {
    for (const [provider, hits] of this.#cacheHits) {
      if (hits.count > hits.told) this.#lookUps.inc({ provider, outcome: 'cached' }, hits.count - hits.told)
      hits.told = hits.count
    }
  }
}
