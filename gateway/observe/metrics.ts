import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Exchange } from '../exchange.ts'
import { RevocationMetrics } from './revocation-metrics.ts'
import { TokenMetrics } from './token-metrics.ts'

/** The buckets of the duration, in seconds: from what a cached answer takes to what a patient client waits. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Whether a store can be used, as far as figures show it. */
export interface StoreState {
  readonly isUp: boolean
  readonly isListening: boolean
}

/** The gateway's figures, in the Prometheus text format. Labels are routes, statuses and codes: never a client's words. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Counter({
    name: 'passerelle_requests_total',
    help: 'Answered requests, by route, status and the code of the error if the gateway itself refused.',
    labelNames: ['route', 'status', 'error'] as const,
    registers: [this.#registry],
  })
  readonly #duration = new Histogram({
    name: 'passerelle_request_duration_seconds',
    help: 'Time from a request’s head to the end of its answer, by route.',
    labelNames: ['route'] as const,
    buckets: durationBuckets,
    registers: [this.#registry],
  })
  readonly #shadowRefusals = new Counter({
    name: 'passerelle_shadow_refusals_total',
    help: 'Requests that a limit in shadow mode would have refused, by route and policy.',
    labelNames: ['route', 'policy'] as const,
    registers: [this.#registry],
  })
  /** The figures of how tokens were resolved, and of revocations. */
  readonly tokens = new TokenMetrics(this.#registry)
  readonly #tokenRefusals = new Counter({
    name: 'passerelle_token_refusals_total',
    help: 'Tokens refused by the gateway’s own checks (a JWT’s claims and signature, a token bound to a key), by reason.',
    labelNames: ['reason'] as const,
    registers: [this.#registry],
  })
  readonly #keySetFetches = new Counter({
    name: 'passerelle_key_set_fetches_total',
    help: 'Fetches of an issuer’s key set: fetched, or failed, which leaves the last good keys in use.',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  })
  readonly revocations = new RevocationMetrics(this.#registry)

  readonly #storeCommands = new Counter({
    name: 'passerelle_store_commands_total',
    help: 'Scripts run in the store, by outcome: answered, script-failed, unavailable (no answer) or refused (not sent).',
    labelNames: ['script', 'outcome'] as const,
    registers: [this.#registry],
  })
  readonly #uncounted = new Counter({
    name: 'passerelle_uncounted_requests_total',
    help: 'Requests that the store could not count: refused, insured (from the local share) or open (served all the same).',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  })
  #store: StoreState = { isUp: true, isListening: true }

  constructor(readCachedTokens: () => number) {
    collectDefaultMetrics({ register: this.#registry })
    new Gauge({
      name: 'passerelle_cached_tokens',
      help: 'Access tokens in the memory cache.',
      registers: [this.#registry],
      collect() {
        this.set(readCachedTokens())
      },
    })
    this.#addStoreGauge('passerelle_store_up', 'Whether the store is used.', () => this.#store.isUp)
    this.#addStoreGauge(
      'passerelle_store_listening',
      'Whether messages of other gateways are heard.',
      () => this.#store.isListening,
    )
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Tells the state of a store from now on. Without one, where everything is in this process, nothing can be down. */
  watchStore(store: StoreState): void {
    this.#store = store
  }

  countStoreCommand(script: string, outcome: string): void {
    this.#storeCommands.inc({ script, outcome })
  }

  countUncounted(outcome: 'refused' | 'insured' | 'open'): void {
    this.#uncounted.inc({ outcome })
  }

  countRequest(exchange: Exchange): void {
    const route = exchange.routePrefix
    this.#requests.inc({ route, status: exchange.status, error: exchange.errorCode })
    for (const policy of exchange.shadowRefusals) this.#shadowRefusals.inc({ route, policy })
    this.#duration.observe({ route }, (performance.now() - exchange.startedAtMs) / 1_000)
  }

  countTokenRefusal(reason: string): void {
    this.#tokenRefusals.inc({ reason })
  }

  countKeySetFetch(outcome: 'fetched' | 'failed'): void {
    this.#keySetFetches.inc({ outcome })
  }

  render(): Promise<string> {
    return this.#registry.metrics()
  }

  #addStoreGauge(name: string, help: string, read: () => boolean): void {
    new Gauge({
      name,
      help: `${help} 1 or 0; always 1 with the store in memory.`,
      registers: [this.#registry],
      collect() {
        this.set(Number(read()))
      },
    })
  }

  /** Releases what the figures of the process hold on to. */
  close(): void {
    this.#registry.clear()
  }
}
