import type { Server } from 'node:http'
import type { Logger } from '../common/log.ts'
import { type RunningServer, startListening } from '../common/running-server.ts'
import { createAdminApp } from './admin/app.ts'
import { createApp } from './app.ts'
import { type Clock, systemClock } from './clock.ts'
import type { GatewaySettings } from './config/settings.ts'
import { buildServices } from './services.ts'

/** A gateway that listens, on its public and on its admin address. */
export interface RunningGateway extends RunningServer {
  readonly adminUrl: string
}

/**
 * Starts a gateway: builds its services from the settings, opens both listeners. Rejects with a `ListenError` when an
 * address cannot be had; then nothing is left open.
 */
export async function startGateway(
  settings: GatewaySettings,
  log: Logger,
  clock: Clock = systemClock,
): Promise<RunningGateway> {
  const services = await buildServices(settings, log, clock)
  let isReady = true
  const adminApp = createAdminApp({ isReady: () => isReady, ...services })
  const admin = await startListening(adminApp, settings.admin, 'the admin listener of the gateway').catch(
    async (error: unknown) => {
      await services.close()
      throw error
    },
  )
  const app = createApp({ ...services, timeouts: settings.timeouts, log })
  const gateway = await startListening(app, settings.listen, 'the gateway').catch(async (error: unknown) => {
    await Promise.all([admin.close(), services.close()])
    throw error
  })
  log.info({ url: gateway.url, admin: admin.url }, 'the gateway listens')
  return {
    url: gateway.url,
    adminUrl: admin.url,
    async close() {
      isReady = false
      await drain(app.server, gateway, settings.timeouts.shutdownMs)
      adminApp.server.closeAllConnections()
      await Promise.all([admin.close(), services.close()])
    },
  }
}

/**
 * Stops accepting, and lets requests under way finish. Node keeps a connection that falls idle only then open for its
 * whole keep-alive time, so that they are looked for; and what has not ended in time is cut: a stop must come to its end.
 */
async function drain(server: Server, gateway: RunningServer, timeoutMs: number): Promise<void> {
  const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
  const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await gateway.close()
  clearInterval(closeIdle)
  clearTimeout(cut)
}
