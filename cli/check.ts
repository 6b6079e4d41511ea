import { Command } from 'commander'
import { readGatewayConfig } from '../gateway/config/load.ts'

/** `passerelle check`: reads a gateway's configuration as the gateway would, and starts nothing. */
export function checkCommand(): Command {
  return new Command('check')
    .description('check a gateway configuration, and report every fault in it')
    .argument('<file>', 'the configuration file')
    .action((file: string) => {
      const { routes } = readGatewayConfig(file, process.env)
      console.log(`${file}: correct, ${routes.length} ${routes.length === 1 ? 'route' : 'routes'}`)
    })
}
