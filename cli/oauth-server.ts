import { Command } from 'commander'
import { createLog } from '../common/log.ts'
import { defaultOAuthServerSettings, readOAuthServerConfig } from '../oauth-server/config/settings.ts'
import { startOAuthServer } from '../oauth-server/main.ts'
import { runUntilStopped } from './run-until-stopped.ts'

/** `passerelle oauth-server`: runs the authorization server until it is told to stop. */
export function oauthServerCommand(): Command {
  return new Command('oauth-server')
    .description('run the authorization server')
    .option('--config <file>', 'its configuration file; without one every option has its default')
    .action(({ config }: { config?: string }) => runUntilStopped(serve(config)))
}

async function* serve(config: string | undefined) {
  const settings =
    config === undefined ? defaultOAuthServerSettings() : readOAuthServerConfig(config, process.env)
  yield await startOAuthServer(settings, createLog('oauth-server', settings.logLevel))
}
