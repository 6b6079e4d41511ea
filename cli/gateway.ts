import { Command } from 'commander'
import { createLog } from '../common/log.ts'
import { readGatewayConfig } from '../gateway/config/load.ts'
import { startGateway } from '../gateway/main.ts'
import { runUntilStopped } from './run-until-stopped.ts'

/** `passerelle gateway`: a gateway alone, in front of whatever its configuration names. */
export function gatewayCommand(): Command {
  return new Command('gateway')
    .description('run a gateway')
    .requiredOption('--config <file>', 'the configuration file')
    .action(async ({ config }: { config: string }) => {
      const settings = readGatewayConfig(config, process.env)
      const gateway = await startGateway(settings, createLog('gateway', settings.logLevel))
      console.error(`gateway on ${gateway.url}, admin on ${gateway.adminUrl}`)
      await runUntilStopped([gateway])
    })
}
