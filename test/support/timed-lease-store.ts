import { Redis } from 'ioredis'
import type { SharedStore, StoreScript } from '../../gateway/shared-store.ts'
import { MessageBus, TestStore } from './lease-fleet.ts'

/**
 * A store on a real Redis whose lease script reads the time, and the run of the server, from where a test has written them:
 * the rest of the script is the one that gateways run.
 */
export class TimedStore extends TestStore {
  readonly #redis: Redis
  readonly #nowUs: () => number
  /** Changes when the server is to seem started again. */
  serverRun = 1

  constructor(port: number, processId: string, nowUs: () => number) {
    super(processId, new MessageBus())
    this.#redis = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 0 })
    this.#nowUs = nowUs
  }

  override async run(
    script: StoreScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const nowUs = this.#nowUs()
    const time = `{'${Math.floor(nowUs / 1_000_000)}', '${nowUs % 1_000_000}'}`
    const lua = script.lua
      .replace("redis.call('TIME')", time)
      .replace("string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')", `'run${this.serverRun}'`)
    return this.#redis.eval(lua, keys.length, ...keys, ...args)
  }

  /** The same store, as another process has it. */
  as(processId: string): SharedStore {
    const run = this.run.bind(this)
    return Object.assign(new TestStore(processId, new MessageBus()), { run })
  }

  async flush(): Promise<void> {
    await this.#redis.flushall()
  }

  disconnect(): void {
    this.#redis.disconnect()
  }
}
