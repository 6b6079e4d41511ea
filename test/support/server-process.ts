import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createLog } from '../../common/log.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'

const thisFile = fileURLToPath(import.meta.url)

/** An authorization server in a process of its own. */
export interface ServerProcess {
  readonly url: string
  readonly adminUrl: string
  readonly child: ChildProcess
}

/** Starts another authorization server on a database, as a second machine of the same service does. */
export async function startServerProcess(
  t: { teardown(work: () => Promise<void>): void },
  databaseUrl: string,
): Promise<ServerProcess> {
  const child = fork(thisFile, [databaseUrl])
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await ended
  })
  const [urls] = await Promise.race([once(child, 'message'), ended.then(() => [undefined])])
  if (urls === undefined) throw new Error('the server process ended before it listened')
  return { ...(urls as Pick<ServerProcess, 'url' | 'adminUrl'>), child }
}

/** Kills a server without warning (SIGKILL), and waits until it is gone. */
export async function killProcess({ child }: ServerProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

if (process.argv[1] === thisFile) {
  process.once('disconnect', () => process.exit())
  const settings = defaultOAuthServerSettings({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    database: process.argv[2] ?? '',
  })
  const { url, adminUrl } = await startOAuthServer(settings, createLog('oauth-server', 'silent'))
  process.send?.({ url, adminUrl })
}
