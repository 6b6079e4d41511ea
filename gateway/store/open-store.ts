import type { Logger } from '../../common/log.ts'
import type { RedisSettings } from '../config/settings.ts'
import { RedisStore, type StoreOptions } from './redis-store.ts'
import type { CommandOutcome } from './store-listener.ts'
import { describeLocation, StoreLog } from './store-log.ts'

/** How long a start waits for the store; after it the gateway serves without. */
const openTimeoutMs = 2_000

/** Longest wait for an answer of the store. */
const defaultAnswerTimeoutMs = 80

export interface StoreDependencies {
  readonly log: Logger
  readonly countCommand: (script: string, outcome: CommandOutcome) => void
  readonly random?: () => number
  readonly answerTimeoutMs?: number
}

/** The store's own file of certificates cannot be read. The message is one line for the person who started the gateway. */
export class StoreSettingsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreSettingsError'
  }
}

/**
 * Opens the store, and waits until it serves, for two seconds at most: a gateway starts without its store too. Rejects
 * with a {@link StoreSettingsError} where no waiting would help.
 */
export async function openStore(
  settings: RedisSettings,
  dependencies: StoreDependencies,
): Promise<RedisStore> {
  const { log, countCommand, random = Math.random } = dependencies
  const where = describeLocation(settings)
  const storeLog = new StoreLog(log, where)
  const store = createStore(settings, {
    listener: { commandDone: countCommand, ...storeLog.listener },
    random,
    answerTimeoutMs: dependencies.answerTimeoutMs ?? defaultAnswerTimeoutMs,
  })
  if (await isUpInTime(store)) log.info({ store: where }, 'the store is connected')
  else log.warn({ store: where }, `the gateway starts without its store: ${storeLog.lastFault}`)
  storeLog.begin()
  onFirstUp(store, () => void warnOfEviction(store, log, where))
  return store
}

function createStore(settings: RedisSettings, options: StoreOptions): RedisStore {
  try {
    return new RedisStore(settings, options)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : 'it is of no use'
    throw new StoreSettingsError(`store.ca: the file ${settings.ca} cannot be read: ${reason}`)
  }
}

function isUpInTime(store: RedisStore): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(store.isUp), openTimeoutMs)
    onFirstUp(store, () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}

function onFirstUp(store: RedisStore, action: () => void): void {
  let isDone = false
  const act = () => {
    if (isDone || !store.isUp) return
    isDone = true
    action()
  }
  store.onChange(act)
  act()
}

/** A server that evicts keys to make room forgets who has used up what, as if it had been flushed. */
async function warnOfEviction(store: RedisStore, log: Logger, where: string): Promise<void> {
  // A user who may not ask is none the worse for it: this is advice.
  const answers = await store.info('memory').catch(() => [])
  const evicts = (info: string) =>
    /^maxmemory:[1-9]/m.test(info) && !/^maxmemory_policy:noeviction\s*$/m.test(info)
  if (answers.some(evicts))
    log.warn(
      { store: where },
      'the store evicts keys when its memory is full, and forgets quotas with them: set its maxmemory-policy to noeviction',
    )
}
