import { Command, InvalidArgumentError, Option } from 'commander'
import { configFormats } from '../common/config-formats.ts'
import {
  formatAuthority,
  type ListenAddress,
  listenAddressRule,
  parseListenAddress,
} from '../common/listen-address.ts'
import { createLog } from '../common/log.ts'
import { startOpenApi, startPrograms } from '../sample-backends/main.ts'
import { runUntilStopped } from './run-until-stopped.ts'

interface SampleBackendsOptions {
  readonly programs: ListenAddress
  readonly open: ListenAddress
  readonly rolesHeader: string
  readonly database: string
}

/** `passerelle sample-backends`: two services to put behind the gateway, until SIGINT or SIGTERM ends them. */
export function sampleBackendsCommand(): Command {
  return new Command('sample-backends')
    .description('start two sample services: a programme API for roles, and an open one')
    .addOption(addressOption('--programs <host:port>', 'where the programme API listens', 8082))
    .addOption(addressOption('--open <host:port>', 'where the open API listens', 8083))
    .option('--roles-header <name>', 'the header that tells the roles', readHeaderName, 'X-Roles')
    .option('--database <file>', 'where the programmes are kept', ':memory:')
    .action((options: SampleBackendsOptions) => runUntilStopped(serve(options)))
}

async function* serve({ programs, open, rolesHeader, database }: SampleBackendsOptions) {
  const log = createLog('sample-backends', 'info')
  yield await startPrograms({ listen: programs, rolesHeader, database, now: () => new Date() }, log)
  yield await startOpenApi({ listen: open }, log)
}

function addressOption(flags: string, description: string, port: number): Option {
  const fallback: ListenAddress = { host: '127.0.0.1', port }
  return new Option(flags, description).argParser(readAddress).default(fallback, formatAuthority(fallback))
}

function readAddress(text: string): ListenAddress {
  const address = parseListenAddress(text)
  if (address === undefined) throw new InvalidArgumentError(`It ${listenAddressRule}.`)
  return address
}

function readHeaderName(text: string): string {
  const format = configFormats['header-name']
  if (format?.accepts(text) !== true) throw new InvalidArgumentError(`It ${format?.rule}.`)
  return text
}
