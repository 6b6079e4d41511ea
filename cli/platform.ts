import type { Logger } from '../common/log.ts'
import type { RunningServer } from '../common/running-server.ts'
import { readGatewayConfig } from '../gateway/config/load.ts'
import { type RunningGateway, startGateway } from '../gateway/main.ts'
import { defaultOAuthServerSettings } from '../oauth-server/config/settings.ts'
import { startOAuthServer } from '../oauth-server/main.ts'
import { startOpenApi, startPrograms } from '../sample-backends/main.ts'
import { DataFolder, type PlatformClients } from './data-folder.ts'

/** The ports of a platform, all on 127.0.0.1; 0 lets the system choose. */
export interface PlatformPorts {
  readonly gateway: number
  readonly admin: number
  readonly oauthServer: number
  readonly programs: number
  readonly openApi: number
}

export interface PlatformSettings {
  readonly dataFolder: string
  readonly ports: PlatformPorts
  readonly logLevel: string
}

/** Everything on one machine: the gateway, what it asks, and what stands behind it. */
export interface Platform extends RunningServer {
  readonly gateway: RunningGateway
  readonly oauthServer: RunningServer
  readonly programs: RunningServer
  readonly openApi: RunningServer
  readonly clients: PlatformClients
  /** The gateway's configuration file. */
  readonly gatewayConfig: string
}

/** The ports around a base port: 8080 gives 8080 to 8083, and 8090 for the admin listener. */
export function portsFrom(base: number): PlatformPorts {
  return { gateway: base, oauthServer: base + 1, programs: base + 2, openApi: base + 3, admin: base + 10 }
}

/**
 * Starts the platform with embedded defaults: a SQLite file in the data folder, tokens and quotas in memory. Rejects with
 * a one-line `ListenError`, `ConfigError` or database error; then nothing is left running.
 */
export async function startPlatform(settings: PlatformSettings, log: Logger): Promise<Platform> {
  const { ports } = settings
  const data = new DataFolder(settings.dataFolder)
  data.ensureGatewayConfig()
  const clients = await data.ensureClients()
  const started: RunningServer[] = []
  const closeAll = async () => {
    for (const server of started.splice(0).toReversed()) await server.close()
  }
  async function start<S extends RunningServer>(starting: Promise<S>): Promise<S> {
    const server = await starting
    started.push(server)
    return server
  }
  try {
    const oauthSettings = defaultOAuthServerSettings({
      listen: local(ports.oauthServer),
      database: data.database,
    })
    const oauthServer = await start(startOAuthServer(oauthSettings, log))
    const programs = await start(
      startPrograms(
        {
          listen: local(ports.programs),
          rolesHeader: 'X-Roles',
          database: ':memory:',
          now: () => new Date(),
        },
        log,
      ),
    )
    const openApi = await start(startOpenApi({ listen: local(ports.openApi) }, log))
    const gatewaySettings = readGatewayConfig(data.gatewayConfig, {
      ...process.env,
      LOG_LEVEL: settings.logLevel,
      GATEWAY_LISTEN: `127.0.0.1:${ports.gateway}`,
      GATEWAY_ADMIN: `127.0.0.1:${ports.admin}`,
      GATEWAY_CLIENT_ID: clients.gateway.id,
      GATEWAY_CLIENT_SECRET: clients.gateway.secret,
      OAUTH_SERVER_URL: oauthServer.url,
      PROGRAMS_URL: programs.url,
      OPEN_API_URL: openApi.url,
    })
    const gateway = await start(startGateway(gatewaySettings, log))
    const { url } = gateway
    return {
      url,
      close: closeAll,
      gateway,
      oauthServer,
      programs,
      openApi,
      clients,
      gatewayConfig: data.gatewayConfig,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

function local(port: number) {
  return { host: '127.0.0.1', port }
}
