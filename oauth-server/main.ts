import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Logger } from '../common/log.ts'
import { type RunningServer, startListening } from '../common/running-server.ts'
import { buildApp } from './app.ts'
import { ClientAuthenticator } from './clients/client-authenticator.ts'
import type { OAuthServerSettings } from './config/settings.ts'
import type { EndpointServices } from './endpoints/exchange.ts'
import { TokenIssuer } from './grants/token-issuer.ts'
import { openDatabase } from './store/open-database.ts'
import { ExpiredTokenSweeper, type SweeperServices } from './tokens/expired-token-sweeper.ts'
import { TokenInspector } from './tokens/token-inspector.ts'

/**
 * Starts the authorization server. Throws `DatabaseOpenError` when its database cannot be used and `ListenError` when
 * its address cannot be had; either message is one line for the person who starts it.
 */
export async function startOAuthServer(
  settings: OAuthServerSettings,
  log: Logger,
  now: () => number = Date.now,
): Promise<RunningServer> {
  const db = await openDatabase(settings.database)
  const means = { db, now, log }
  const sweeper = new ExpiredTokenSweeper(means)
  const app = buildApp(createServices(settings, means), log)
  app.addHook('onClose', async () => {
    await sweeper.stop()
    await db.destroy()
  })
  const server = await startListening(app, settings.listen, 'the oauth-server')
  sweeper.start()
  log.info({ url: server.url }, 'the oauth-server listens')
  return server
}

function createServices(settings: OAuthServerSettings, means: SweeperServices): EndpointServices {
  const { db, now } = means
  return {
    authenticator: new ClientAuthenticator(db),
    issuer: new TokenIssuer({ ...means, lifetimes: settings, random: randomBytes }),
    inspector: new TokenInspector(db, now),
    checkStore: () => sql`select 1`.execute(db),
    accessTokenLifetimeMs: settings.accessTokenLifetimeMs,
  }
}
