import { Command } from 'commander'
import { createLog } from '../common/log.ts'
import { readGatewayConfig } from '../gateway/config/load.ts'
import { startGateway } from '../gateway/main.ts'
import { runUntilStopped } from './run-until-stopped.ts'

/** `passerelle gateway`: a gateway alone, in front of whatever its configuration names. */
export function gatewayCommand(): Command {
  return new Command('gateway')
    .description('run a gateway')
    .requiredOption('--config <file>', 'its configuration file')
    .action(({ config }: { config: string }) => runUntilStopped(serve(config)))
}

async function* serve(config: string) {
  const settings = readGatewayConfig(config, process.env)
  yield await startGateway(settings, createLog('gateway', settings.logLevel))
}
