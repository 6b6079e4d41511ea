import { Command, InvalidArgumentError, Option } from 'commander'
import { createLog } from '../common/log.ts'
import { formatQuota } from '../common/quota.ts'
import { ListenError } from '../common/running-server.ts'
import { demoClient } from './data-folder.ts'
import { type Platform, portsFrom, startPlatform } from './platform.ts'
import { runUntilStopped } from './run-until-stopped.ts'

const logLevels = ['silent', 'error', 'warn', 'info', 'debug']

interface StartOptions {
  readonly port: number
  readonly data: string
  readonly logLevel: string
}

/** `passerelle start`: the whole platform on one machine, to try it and to build against. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the whole platform on this machine, with nothing else to install')
    .option('--port <port>', 'port of the gateway; the others follow it', readPort, 8080)
    .option('--data <folder>', 'where the platform keeps its database and its configuration', '.data')
    .addOption(new Option('--log-level <level>', 'what is logged').choices(logLevels).default('warn'))
    .action((options: StartOptions) => runUntilStopped(serve(options)))
}

async function* serve({ port, data, logLevel }: StartOptions) {
  const settings = { dataFolder: data, ports: portsFrom(port), logLevel }
  const platform = await startPlatform(settings, createLog('passerelle', logLevel)).catch(
    (error: unknown) => {
      throw error instanceof ListenError ? new Error(`${error.message}: --port moves them all`) : error
    },
  )
  console.log(describePlatform(platform))
  yield platform
}

/** The highest of the other ports is eleven above the gateway's. */
const highestPort = 65_524

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= highestPort) return port
  throw new InvalidArgumentError(`It must be a port from 1 to ${highestPort}.`)
}

/** What runs where, and commands to paste that show the whole job. */
function describePlatform(platform: Platform): string {
  const { gateway, oauthServer, programs, openApi, clients, gatewayConfig } = platform
  return `
Passerelle runs. Ctrl-C ends it.

  gateway         ${gateway.url}
  admin           ${gateway.adminUrl}  (/healthz, /readyz, /metrics)
  oauth-server    ${oauthServer.url}
  its admin API   ${oauthServer.adminUrl}  (/openapi.json)
  backends        ${programs.url} as /api1, ${openApi.url} as /api2
  configuration   ${gatewayConfig}
  a user          ${clients.user.username}, password ${clients.user.password}, for the public client ${clients.app.id}

Try it; paste this into another terminal:

  # without a token: 401
  curl -i ${gateway.url}/api1

  # a token for the demo partner
  TOKEN=$(curl -s -u ${clients.demo.id}:${clients.demo.secret} -d grant_type=client_credentials \\
    ${oauthServer.url}/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

  # with it: 200, what the backend was told, and what is left of the quota
  curl -i -H "Authorization: Bearer $TOKEN" ${gateway.url}/api1

  # spend the quota of ${formatQuota(demoClient.quota)}: 429
  for i in $(seq 25); do curl -s -o /dev/null -w '%{http_code} ' -H "Authorization: Bearer $TOKEN" ${gateway.url}/api1; done; echo
`
}
