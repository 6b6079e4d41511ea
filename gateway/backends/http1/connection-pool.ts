import { BackendConnection, type ExchangeTimeouts } from './backend-connection.ts'
import { BackendFailure } from './backend-failure.ts'
import type { BackendRequestUnderWay } from './backend-request-under-way.ts'
import type { ConnectionOpener } from './open-connection.ts'

/** Further requests wait for one of them, each for its own head timeout at most. */
const defaultMaxConnections = 1_024

/** Shorter than servers keep an idle connection, so that it is not they who close it just when a request is under way. */
const keptIdleMs = 4_000

/** Between two looks at what is late. */
const maxTickMs = 250
const minTickMs = 10

interface PoolMeans {
  readonly open: ConnectionOpener
  readonly timeouts: ExchangeTimeouts
  /** Most connections at once. */
  readonly maxConnections?: number
}

/** The connections to one backend. */
export class ConnectionPool {
  readonly timeouts: ExchangeTimeouts
  readonly #open: ConnectionOpener
  readonly #maxConnections: number
  readonly #tickMs: number
  readonly #all = new Set<BackendConnection>()
  /** The last to become idle is the first to be used, so that those too many stay idle and are closed. */
  readonly #idle: BackendConnection[] = []
  /** Never more than there are connections of clients, which are bounded. */
  readonly #waiting: BackendRequestUnderWay[] = []
  #ticking: NodeJS.Timeout | undefined
  #closed: PromiseWithResolvers<void> | undefined

  constructor({ open, timeouts, maxConnections = defaultMaxConnections }: PoolMeans) {
    this.#open = open
    this.#maxConnections = maxConnections
    this.timeouts = timeouts
    const shortest = Math.min(timeouts.connectMs, timeouts.headMs, timeouts.idleMs)
    this.#tickMs = Math.max(minTickMs, Math.min(maxTickMs, Math.floor(shortest / 8)))
  }

  now(): number {
    return performance.now()
  }

  /** Sends a request as soon as there is a connection for it. */
  send(request: BackendRequestUnderWay): void {
    const idle = this.#idle.pop()
    if (idle !== undefined) idle.send(request)
    else if (this.#all.size < this.#maxConnections) this.#sendOnNew(request)
    else {
      request.waitsUntilMs = this.now() + this.timeouts.headMs
      this.#waiting.push(request)
    }
  }

  /** Lets what is under way end, and closes all connections. */
  async close(): Promise<void> {
    this.#closed ??= Promise.withResolvers()
    for (const connection of this.#idle.splice(0)) connection.close()
    this.#settleWhenEmpty()
    await this.#closed.promise
  }

  onIdle(connection: BackendConnection): void {
    const next = this.#nextWaiting()
    if (next !== undefined) connection.send(next)
    else if (this.#closed !== undefined) connection.close()
    else this.#idle.push(connection)
  }

  onClosed(connection: BackendConnection): void {
    this.#all.delete(connection)
    const index = this.#idle.lastIndexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    const next = this.#all.size < this.#maxConnections ? this.#nextWaiting() : undefined
    if (next !== undefined) this.#sendOnNew(next)
    this.#settleWhenEmpty()
  }

  onUnseen(request: BackendRequestUnderWay): void {
    this.#sendOnNew(request)
  }

  #sendOnNew(request: BackendRequestUnderWay): void {
    const connection = this.#open((socket) => new BackendConnection(socket, this))
    this.#all.add(connection)
    this.#ticking ??= setInterval(() => this.#tick(), this.#tickMs).unref()
    connection.send(request)
  }

  #nextWaiting(): BackendRequestUnderWay | undefined {
    for (;;) {
      const next = this.#waiting.shift()
      if (next === undefined || !next.isAborted) return next
    }
  }

  #tick(): void {
    const nowMs = this.now()
    for (const connection of this.#all) connection.checkDeadline(nowMs)
    while ((this.#idle[0]?.idleSinceMs ?? nowMs) + keptIdleMs <= nowMs) this.#idle[0]?.close()
    while ((this.#waiting[0]?.waitsUntilMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const late = this.#waiting.shift()
      if (late?.isAborted === false)
        late.handler.onError(new BackendFailure('timeout', 'no connection became free'))
    }
    if (this.#all.size > 0 || this.#waiting.length > 0) return
    clearInterval(this.#ticking)
    this.#ticking = undefined
  }

  #settleWhenEmpty(): void {
    if (this.#all.size === 0) this.#closed?.resolve()
  }
}
