import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** What a Redis says that it has done. */
export interface RedisCounts {
  /** Scripts and functions that were called. */
  readonly scriptCalls: number
  /** Commands of every kind, the bench's own questions left out. */
  readonly commands: number
}

const scriptCommands = /^cmdstat_(?:evalsha|eval|evalsha_ro|eval_ro|fcall|fcall_ro):calls=(\d+)/gm
const startTimeoutMs = 5_000

/** A Redis that is asked what it has done: its own count, not what a gateway claims. */
export class RedisUnderMeasure {
  readonly port: number
  readonly #connection: Redis

  private constructor(port: number, connection: Redis) {
    this.port = port
    this.#connection = connection
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
    const [statistics, commands] = [
      await this.#connection.info('stats'),
      await this.#connection.info('commandstats'),
    ]
    const calls = [...commands.matchAll(scriptCommands)].map(([, count]) => Number(count))
    const own = numberIn(commands, /^cmdstat_info:calls=(\d+)/m)
    return {
      scriptCalls: calls.reduce((sum, count) => sum + count, 0),
      commands: numberIn(statistics, /^total_commands_processed:(\d+)/m) - own,
    }
  }

  /** Whether anybody else is connected. */
  async isUsed(): Promise<boolean> {
    return numberIn(await this.#connection.info('clients'), /^connected_clients:(\d+)/m) > 1
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
