import type { Logger } from '../common/log.ts'
import { type RunningServer, startListening } from '../common/running-server.ts'
import { createAdminApp } from './admin/app.ts'
import { buildApp } from './app.ts'
import type { GatewayTarget } from './config/gateway-options.ts'
import type { OAuthServerSettings } from './config/settings.ts'
import { createServices, type ServerMeans, type ServerServices } from './services.ts'
import { openDatabase } from './store/open-database.ts'

/** An authorization server that listens. */
export interface RunningOAuthServer extends RunningServer {
  /** Where administrators are listened to. */
  readonly adminUrl: string
  /** Tells these gateways of revocations from now on, beside those of the configuration. */
  pushRevocationsTo(gateways: readonly GatewayTarget[]): Promise<void>
}

/**
 * Starts the authorization server. Throws `DatabaseOpenError` when its database cannot be used, `SigningKeyUnreadable` or
 * `KeyFileBroken` when its signing keys cannot, and `ListenError` when one of its addresses cannot be had; each message is
 * one line for the person who starts it.
 */
export async function startOAuthServer(
  settings: OAuthServerSettings,
  log: Logger,
  now: () => number = Date.now,
): Promise<RunningOAuthServer> {
  const db = await openDatabase(settings.database)
  let url = ''
  const { endpoints, admin, sweeper, push } = await prepareServices({
    settings,
    db,
    now,
    log,
    url: () => url,
  })
  const app = buildApp(endpoints, log)
  const adminApp = await createAdminApp(admin, log)
  app.addHook('onClose', async () => {
    await adminApp.close()
    await Promise.all([sweeper.stop(), push.stop()])
    await db.destroy()
  })
  // Before anybody can have something revoked here: it is noted for the gateways that are known then.
  await push.pushTo(settings.gateways).catch(async (error: unknown) => {
    await app.close()
    throw error
  })
  const server = await startListening(app, settings.listen, 'the oauth-server')
  url = server.url
  const adminServer = await startListening(
    adminApp,
    settings.admin,
    'the admin listener of the oauth-server',
  ).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  sweeper.start()
  log.info({ url: server.url, adminUrl: adminServer.url }, 'the oauth-server listens')
  return { ...server, adminUrl: adminServer.url, pushRevocationsTo: (gateways) => push.pushTo(gateways) }
}

/** Builds the services and reads the signing keys; closes the database where that fails. */
async function prepareServices(means: ServerMeans): Promise<ServerServices> {
  try {
    const services = createServices(means)
    await services.endpoints.signingKeys.prepare()
    return services
  } catch (error) {
    await means.db.destroy()
    throw error
  }
}
