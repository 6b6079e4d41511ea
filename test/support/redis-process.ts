import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { endWithParent } from './end-with-parent.ts'
import { redisProgram } from './services.ts'

/** What a connection of the test's needs besides the port. */
export type RedisAccess = Pick<RedisOptions, 'username' | 'password' | 'tls'>

/** How a test's own Redis is started, and how it is asked things. */
export interface RedisPlan {
  readonly port: number
  /** Where it keeps its files; the process knows no other place. */
  readonly folder: string
  readonly args: readonly string[]
  readonly access: RedisAccess
}

/** A Redis that a test has started: it can be asked, frozen, killed and started again on its port. */
export class RedisProcess {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly folder: string
  readonly #plan: RedisPlan
  #child: ChildProcess | undefined

  constructor(plan: RedisPlan) {
    this.port = plan.port
    this.folder = plan.folder
    this.#plan = plan
  }

  get isRunning(): boolean {
    return this.#child !== undefined && !hasEnded(this.#child)
  }

  /** Starts the program and waits until it answers. Rejects with its log when it ends before that. */
  async start(): Promise<void> {
    const child = spawn(redisProgram, [...this.#plan.args], { cwd: this.folder, stdio: 'ignore' })
    child.once('error', () => {})
    this.#child = child
    endWithParent(child, this.folder)
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (hasEnded(child)) break
      try {
        await this.send('PING')
        return
      } catch {
        await sleep(25)
      }
    }
    await this.kill()
    throw new Error(`the Redis on port ${this.port} does not start: ${this.log()}`)
  }

  /** Sends a command of the test's, on a connection of its own. */
  async send(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const { port, host } = this
    const redis = new Redis({
      ...{ port, host, lazyConnect: true, enableReadyCheck: false, protocol: 2 },
      ...{ retryStrategy: () => null, connectTimeout: 2_000, commandTimeout: 10_000 },
      ...this.#plan.access,
    })
    redis.on('error', () => {})
    try {
      await redis.connect()
      return await redis.call(command, ...args)
    } finally {
      redis.disconnect()
    }
  }

  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.resume()
    await this.#end('SIGTERM')
  }

  /** Ends it, and starts it again on the same port: with its data, or as a server that has lost them. */
  async restart({ keepsData = false } = {}): Promise<void> {
    if (keepsData) {
      await this.send('SHUTDOWN', 'SAVE').catch(() => {})
      await this.stop()
    } else {
      await this.kill()
      rmSync(join(this.folder, 'dump.rdb'), { force: true })
    }
    await this.start()
  }

  /** What it has logged. */
  log(): string {
    const file = join(this.folder, 'redis.log')
    return existsSync(file) ? readFileSync(file, 'utf8') : 'it has logged nothing'
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
