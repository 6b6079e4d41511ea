import { formatAuthority } from '../../common/listen-address.ts'
import type { Logger } from '../../common/log.ts'
import type { RedisSettings } from '../config/settings.ts'
import type { StoreListener } from './store-listener.ts'

/** Most reasons that are told of one outage: one that changes all the time does not fill the log. */
const maxReasons = 10

/** Says when the store goes and comes back: each reason once, however often it is seen. */
export class StoreLog {
  readonly #log: Logger
  readonly #store: string
  readonly #told = new Map<string, Set<string>>()
  #hasBegun = false
  #lastFault = 'no answer in time'

  constructor(log: Logger, store: string) {
    this.#log = log
    this.#store = store
  }

  readonly listener: Omit<StoreListener, 'commandDone'> = {
    serverState: (server, fault) => this.#noteServer(server, fault),
    listeningState: (fault) => this.#noteListening(fault),
    listenerFailed: (error) =>
      this.#log.error(
        { store: this.#store, reason: error instanceof Error ? error.message : 'unknown' },
        'what the store tells of could not be heeded',
      ),
  }

  /** What was wrong last. */
  get lastFault(): string {
    return this.#lastFault
  }

  /** The start is told by whoever opens the store; from here on changes are. */
  begin(): void {
    this.#hasBegun = true
  }

  #noteServer(server: string, fault: string | undefined): void {
    if (fault !== undefined) this.#lastFault = fault
    if (!this.#hasBegun) return
    const place = { store: this.#store, ...(server !== '' && { server }) }
    if (fault === undefined) {
      this.#told.delete(server)
      this.#log.info(place, 'the store is back')
    } else if (this.#isNew(server, fault)) this.#log.warn({ ...place, reason: fault }, 'the store is down')
  }

  #noteListening(fault: string | undefined): void {
    if (fault === undefined) this.#told.delete('listening')
    else if (this.#isNew('listening', fault))
      this.#log.warn({ store: this.#store, reason: fault }, 'messages of the store cannot be heard')
  }

  #isNew(what: string, reason: string): boolean {
    const reasons = this.#told.get(what) ?? new Set()
    if (reasons.has(reason) || reasons.size >= maxReasons) return false
    this.#told.set(what, reasons.add(reason))
    return true
  }
}

/** Where the store is, without the password: for people. */
export function describeLocation({ topology, hosts, isTls, database }: RedisSettings): string {
  const kind = topology === 'standalone' ? '' : `+${topology}`
  const places = hosts.map(formatAuthority).join(',')
  return `${isTls ? 'rediss' : 'redis'}${kind}://${places}${database === 0 ? '' : `/${database}`}`
}
