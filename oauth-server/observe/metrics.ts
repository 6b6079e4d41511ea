import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/** The authorization server's figures, in the Prometheus text format. Labels are never a caller's own words. */
export class Metrics {
  /** Other parts add their own figures to it. */
  readonly registry = new Registry()
  readonly #legacyTokens = new Counter({
    name: 'passerelle_oauth_get_tokens_total',
    help: 'Tokens issued by GET with the credentials in the URL, by client: who is still to move to POST.',
    labelNames: ['client_id'] as const,
    registers: [this.registry],
  })
  readonly #failures = new Counter({
    name: 'passerelle_oauth_failed_authentications_total',
    help: 'Client authentications that failed.',
    registers: [this.registry],
  })
  readonly #refusedUnheard = new Counter({
    name: 'passerelle_oauth_authentications_refused_total',
    help: 'Authentications refused unheard after too many failures, by the limit that was reached.',
    labelNames: ['limit'] as const,
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  /** @param clientId Of a client that has authenticated, so that there are no more labels than clients. */
  tokenIssuedByGet(clientId: string): void {
    this.#legacyTokens.inc({ client_id: clientId })
  }

  authenticationFailed(): void {
    this.#failures.inc()
  }

  authenticationRefused(limit: string): void {
    this.#refusedUnheard.inc({ limit })
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** All of them, as Prometheus reads them. */
  render(): Promise<string> {
    return this.registry.metrics()
  }
}
