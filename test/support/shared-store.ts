import type { Test } from 'tap'
import { storeLocation } from '../../common/store-url.ts'
import type { RedisSettings } from '../../gateway/config/settings.ts'
import type { StoreScript } from '../../gateway/shared-store.ts'
import { openStore } from '../../gateway/store/open-store.ts'
import type { RedisStore } from '../../gateway/store/redis-store.ts'
import { captureLog } from './captured-log.ts'
import { until } from './until.ts'

/** A store under test, with what it has logged and counted. */
export interface StoreUnderTest {
  readonly store: RedisStore
  readonly logLines: readonly string[]
  /** `SCRIPT OUTCOME` of every command so far. */
  readonly commands: readonly string[]
}

/** Longer than in earnest: a machine that is busy with tests may keep a server waiting. */
const answerTimeoutMs = 1_000

/** Opens the store at a URL; it is closed with the test. */
export async function openTestStore(
  t: Test,
  url: string,
  options: Partial<RedisSettings> = {},
): Promise<StoreUnderTest> {
  const { lines, log } = captureLog()
  const commands: string[] = []
  const countCommand = (script: string, outcome: string) => commands.push(`${script} ${outcome}`)
  const store = await openStore(redisSettings(url, options), { log, countCommand, answerTimeoutMs })
  t.teardown(() => store.close())
  return { store, logLines: lines, commands }
}

/** The settings that a URL in the configuration comes to. */
export function redisSettings(url: string, options: Partial<RedisSettings> = {}): RedisSettings {
  const location = storeLocation(url)
  if (location.kind !== 'redis') throw new TypeError('the URL names no Redis')
  const rest = { prefix: 'test', ca: undefined, sentinelUsername: undefined, sentinelPassword: undefined }
  return { ...location, ...rest, ...options }
}

/** Writes its argument, and gives what was there before. */
export const swap: StoreScript = {
  name: 'swap',
  lua: "local before = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return before",
}

/** Does something that takes the store down, and waits until it is back. */
export async function throughOutage(store: RedisStore, cause: () => unknown): Promise<void> {
  let wasDown = false
  store.onChange(() => {
    wasDown ||= !store.isUp
  })
  await cause()
  await until('the store goes and comes back', () => wasDown && store.isUp)
}
