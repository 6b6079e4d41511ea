import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** What a Redis says that it has done. */
export interface RedisCounts {
  /** Scripts and functions that were called. */
  readonly scriptCalls: number
  /** Those of them by which processes tell each other each second that they are there, whether requests come or not. */
  readonly heartbeats: number
  /**
   * What arrived from clients, of every kind: commands that were sent together count once, and those that a script runs
   * not at all. The bench's own questions are left out.
   */
  readonly messages: number
}

const scriptCommands = /^cmdstat_(?:evalsha|eval|evalsha_ro|eval_ro|fcall|fcall_ro):calls=(\d+)/gm
const startTimeoutMs = 5_000

/** A Redis that is asked what it has done: its own count, not what a gateway claims. */
export class RedisUnderMeasure {
  readonly port: number
  readonly #connection: Redis
  #asked = 0
  /** When, in microseconds of the server's clock. */
  readonly #heartbeats: number[] = []

  private constructor(port: number, connection: Redis) {
    this.port = port
    this.#connection = connection
  }

  /** From now on heartbeats are told from other calls. Redis then shows every command: for measurements with few. */
  async tellHeartbeats(): Promise<void> {
    const monitor = await this.#connection.monitor()
    monitor.on('monitor', (time: string, command: readonly string[], source: string) => {
      const [name = '', channel = ''] = command
      const isPublished = name.toLowerCase() === 'publish' && channel.endsWith(':presence')
      if (isPublished && source === 'lua') this.#heartbeats.push(Number(time) * 1_000_000)
    })
    monitor.on('error', () => undefined)
  }

  /** Waits until it answers. */
  static async connect(port: number): Promise<RedisUnderMeasure> {
    const connection = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null })
    connection.on('error', () => undefined)
    const endMs = Date.now() + startTimeoutMs
    for (;;) {
      const isThere = await connection.connect().then(
        () => true,
        () => false,
      )
      if (isThere) return new RedisUnderMeasure(port, connection)
      if (Date.now() > endMs) throw new Error('redis-server did not start')
      await wait(50)
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async counts(): Promise<RedisCounts> {
    this.#asked += 1
    const text = await this.#connection.info('everything')
    const calls = [...text.matchAll(scriptCommands)].map(([, count]) => Number(count))
    const nowUs = numberIn(text, /^server_time_usec:(\d+)/m)
    // What the server did before it answered may reach the other connection later.
    await wait(100)
    return {
      scriptCalls: calls.reduce((sum, count) => sum + count, 0),
      heartbeats: this.#heartbeats.filter((us) => us <= nowUs).length,
      messages: numberIn(text, /^total_reads_processed:(\d+)/m) - this.#asked,
    }
  }

  /** Whether anybody else is connected. */
  async isUsed(): Promise<boolean> {
    this.#asked += 1
    return numberIn(await this.#connection.info('clients'), /^connected_clients:(\d+)/m) > 1
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
