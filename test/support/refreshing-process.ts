import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { TokenIssuer } from '../../oauth-server/grants/token-issuer.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { captureLog } from './captured-log.ts'

const thisFile = fileURLToPath(import.meta.url)

/** Tokens that the process has issued and told of. */
export interface ToldTokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/**
 * Refreshes in a process of its own, token after token as fast as it can, and kills it without warning (SIGKILL) some
 * milliseconds after its first refresh. Gives everything that it told of before it died.
 */
export async function refreshUntilKilled(
  url: string,
  { clientId, refreshToken }: { clientId: string; refreshToken: string },
  afterMs: number,
): Promise<ToldTokens[]> {
  const child = fork(thisFile, [url, clientId, refreshToken])
  const told: ToldTokens[] = []
  child.on('message', (tokens) => told.push(tokens as ToldTokens))
  await Promise.race([once(child, 'message'), failure(child)])
  setTimeout(() => child.kill('SIGKILL'), afterMs)
  await once(child, 'close')
  return told
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`the refreshing process ended by itself: ${code}`)
}

async function refreshForEver(url: string, clientId: string, first: string): Promise<never> {
  const db = await openDatabase(url)
  const client = await new ClientRegistry(db, { now: Date.now, random: randomBytes }).show(clientId)
  const issuer = new TokenIssuer({
    db,
    lifetimes: defaultOAuthServerSettings(),
    issuer: () => 'https://id.example.org',
    signingKeys: { signer: () => Promise.reject(new Error('opaque tokens need no signer')) },
    now: Date.now,
    random: randomBytes,
    log: captureLog().log,
  })
  let presented = first
  for (;;) {
    const issued = await issuer.issue({ client, grantType: 'refresh_token', refreshToken: presented })
    presented = issued.refreshToken ?? ''
    const told = { accessToken: issued.accessToken, refreshToken: presented }
    await new Promise((resolve) => process.send?.(told, resolve))
  }
}

if (process.argv[1] === thisFile) {
  const [url = '', clientId = '', refreshToken = ''] = process.argv.slice(2)
  await refreshForEver(url, clientId, refreshToken)
}
