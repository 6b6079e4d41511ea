import type { Logger } from '../common/log.ts'
import type { RunningServer } from '../common/running-server.ts'
import { readGatewayConfig } from '../gateway/config/load.ts'
import { type RunningGateway, startGateway } from '../gateway/main.ts'
import { defaultOAuthServerSettings } from '../oauth-server/config/settings.ts'
import { type RunningOAuthServer, startOAuthServer } from '../oauth-server/main.ts'
import { startOpenApi, startPrograms } from '../sample-backends/main.ts'
import { DataFolder, type PlatformClients } from './data-folder.ts'

/** The ports of a platform, all on 127.0.0.1; 0 lets the system choose. */
export interface PlatformPorts {
  readonly gateway: number
  readonly admin: number
  readonly oauthServer: number
  readonly oauthAdmin: number
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
  readonly oauthServer: RunningOAuthServer
  readonly programs: RunningServer
  readonly openApi: RunningServer
  readonly clients: PlatformClients
  /** The gateway's configuration file. */
  readonly gatewayConfig: string
}

/** The ports around a base port: 8080 gives 8080 to 8083, and 8090 and 8091 for the admin listeners. */
export function portsFrom(base: number): PlatformPorts {
  return {
    gateway: base,
    oauthServer: base + 1,
    programs: base + 2,
    openApi: base + 3,
    admin: base + 10,
    oauthAdmin: base + 11,
  }
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
      admin: local(ports.oauthAdmin),
      database: data.database,
    })
    const oauthServer = await start(startOAuthServer(oauthSettings, log))
    const programs = await start(
      startPrograms({ listen: local(ports.programs), ...samplePrograms, now: () => new Date() }, log),
    )
    const openApi = await start(startOpenApi({ listen: local(ports.openApi) }, log))
    const revocationSecret = data.ensureRevocationSecret()
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
      REVOCATION_SECRET: revocationSecret,
    })
    // A file from before there was the option, or that was edited, may lack it or say another.
    const { secret = revocationSecret } = gatewaySettings.revocation
    const revocation = { ...gatewaySettings.revocation, secret }
    const gateway = await start(startGateway({ ...gatewaySettings, revocation }, log))
    await oauthServer.pushRevocationsTo([{ url: `${gateway.adminUrl}/revocations`, secret }])
    const servers = { gateway, oauthServer, programs, openApi }
    return { url: gateway.url, close: closeAll, ...servers, clients, gatewayConfig: data.gatewayConfig }
  } catch (error) {
    await closeAll()
    throw error
  }
}

const samplePrograms = { rolesHeader: 'X-Roles', database: ':memory:' }

function local(port: number) {
  return { host: '127.0.0.1', port }
}
