import type { Logger } from '../../common/log.ts'
import type { RevocationReport } from '../revocation-intake.ts'
import type { RevocationMetrics } from './revocation-metrics.ts'

/** Log and figures of how the gateway hears of revocations: never a token, a secret, or the name of a client or a user. */
export class RevocationLog {
  readonly #log: Logger
  readonly #metrics: RevocationMetrics

  constructor(log: Logger, metrics: RevocationMetrics) {
    this.#log = log
    this.#metrics = metrics
  }

  readonly revocation = (report: RevocationReport): void => {
    this.#metrics.count(report)
    const { cause, ...said } = report
    if (report.outcome === 'everywhere') this.#log.info(said, 'tokens are revoked or to be asked for again')
    else this.#log.error({ ...said, reason: messageOf(cause) }, 'not all processes heed a revocation')
  }

  /** What is refused over the cap of wrong secrets has a figure and no line: guessing must not fill the log. */
  readonly refused = (endpoint: string, reason: string, address: string): void => {
    this.#metrics.countRefused(endpoint, reason)
    if (reason !== 'too-many-failures')
      this.#log.warn({ endpoint, error: reason, address }, 'a revocation was refused')
  }

  readonly event = (outcome: string, issuer: string): void => {
    this.#metrics.countEvent(outcome)
    const said = { issuer, outcome }
    if (outcome === 'unnameable')
      this.#log.warn(said, 'a security event is about nobody whom a gateway knows')
    else this.#log.info(said, 'a security event arrived')
  }

  readonly keysFailed = (error: unknown): void => {
    this.#log.error({ reason: messageOf(error) }, 'the keys of an event transmitter cannot be had')
  }

  readonly unread = (): void => {
    this.#metrics.countUnread()
    this.#log.warn('a token was revoked on the way through that could not be read')
  }
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined
}
