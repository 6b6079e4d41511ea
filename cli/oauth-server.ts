import { Command } from 'commander'
import { createLog } from '../common/log.ts'
import { defaultOAuthServerSettings, readOAuthServerConfig } from '../oauth-server/config/settings.ts'
import { startOAuthServer } from '../oauth-server/main.ts'

/** `passerelle oauth-server`: runs the authorization server until it is told to stop. */
export function oauthServerCommand(): Command {
  return new Command('oauth-server')
    .description('run the authorization server')
    .option('--config <file>', 'its configuration file; without one every option has its default')
    .action(async (options: { readonly config?: string }) => {
      const settings =
        options.config === undefined
          ? defaultOAuthServerSettings()
          : readOAuthServerConfig(options.config, process.env)
      const log = createLog('oauth-server', settings.logLevel)
      const server = await startOAuthServer(settings, log)
      await stopSignal()
      await server.close()
      log.info('the oauth-server has stopped')
      log.flush()
    })
}

function stopSignal(): Promise<unknown> {
  return Promise.race(
    ['SIGINT', 'SIGTERM'].map((signal) => new Promise((resolve) => process.once(signal, resolve))),
  )
}
