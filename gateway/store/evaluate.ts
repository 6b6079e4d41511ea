import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import type { StoreScript } from '../shared-store.ts'
import { AnswerTimeout, isUnknownScript } from './store-failure.ts'

/** What a script is run on. */
export interface ScriptCall {
  readonly script: StoreScript
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
}

const digests = new WeakMap<StoreScript, string>()

/** Runs a script by its digest, and by its text where the server does not know it yet. */
export async function evaluate(
  client: Redis | Cluster,
  { script, keys, args }: ScriptCall,
  timeoutMs: number,
): Promise<unknown> {
  const deadline = performance.now() + timeoutMs
  try {
    return await within(timeoutMs, client.evalsha(digestOf(script), keys.length, ...keys, ...args))
  } catch (error) {
    if (!isUnknownScript(error)) throw error
    const restMs = Math.max(1, deadline - performance.now())
    return await within(restMs, client.eval(script.lua, keys.length, ...keys, ...args))
  }
}

/**
 * Rejects with {@link AnswerTimeout} when the promise is not settled in time. What has already arrived still counts when
 * the process itself was held up: the time is up only after a look at the sockets.
 */
export function within<Result>(timeoutMs: number, promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new AnswerTimeout())), timeoutMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function digestOf(script: StoreScript): string {
  const digest = digests.get(script) ?? createHash('sha1').update(script.lua).digest('hex')
  digests.set(script, digest)
  return digest
}
