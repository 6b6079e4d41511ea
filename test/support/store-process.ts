import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'

const thisFile = fileURLToPath(import.meta.url)

/**
 * Opens the store in a process of its own, as a second server or the command line does, and tries to use a refresh
 * token up `attempts` times. Gives how often that succeeded. SQLite's locks block a whole process, so that two
 * connections in one process would only wait for each other.
 */
export async function consumeInOtherProcess(url: string, hash: string, attempts: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [thisFile, url, hash, String(attempts)])
  return Number(stdout)
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

const [, script, url = '', hash = '', attempts = ''] = process.argv
if (script === thisFile) console.log(await consume(url, hash, Number(attempts)))
