import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'

const thisFile = fileURLToPath(import.meta.url)

/** What each of the rivals does with each database, all starting at the same moment. */
export interface Contest {
  readonly urls: readonly string[]
  readonly rivals: number
  readonly hash: string
  /** How often each tries to use the refresh token up. */
  readonly attempts: number
}

/**
 * Opens the store in processes of their own, as a second server or the command line does, and lets them race for one
 * refresh token. Gives how many uses succeeded in all. SQLite's locks block a whole process, so that two connections in
 * one would only wait for each other.
 */
export async function raceInProcesses({ urls, rivals, hash, attempts }: Contest): Promise<number> {
  const children = Array.from({ length: rivals }, () => fork(thisFile, [hash, String(attempts)]))
  await Promise.all(children.map((child) => once(child, 'message')))
  let successes = 0
  try {
    for (const url of urls)
      for (const count of await Promise.all(children.map((child) => startOne(child, url)))) successes += count
  } finally {
    for (const child of children) child.disconnect()
  }
  return successes
}

async function startOne(child: ChildProcess, url: string): Promise<number> {
  child.send(url)
  const [result] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => ['it failed'])])
  if (typeof result !== 'number') throw new Error(`a rival process ended without a result: ${result}`)
  return result
}

async function consume(url: string, hash: string, attempts: number): Promise<number> {
  const db = await openDatabase(url)
  let consumed = 0
  for (let attempt = 0; attempt < attempts; attempt += 1)
    await db.transaction().execute(async (transaction) => {
      if (await new TokenRepository(transaction).consumeRefreshToken(hash, 1)) consumed += 1
    })
  await db.destroy()
  return consumed
}

if (process.argv[1] === thisFile) {
  const [hash = '', attempts = ''] = process.argv.slice(2)
  process.on('message', async (url) => process.send?.(await consume(String(url), hash, Number(attempts))))
  process.send?.('ready')
}
