import { Command, InvalidArgumentError, Option } from 'commander'
import { configFormats } from '../common/config-formats.ts'
import {
  formatAuthority,
  type ListenAddress,
  listenAddressRule,
  parseListenAddress,
} from '../common/listen-address.ts'
import { createLog } from '../common/log.ts'
import type { RunningServer } from '../common/running-server.ts'
import { startOpenApi, startPrograms } from '../sample-backends/main.ts'

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
    .action(runSampleBackends)
}

async function runSampleBackends(options: SampleBackendsOptions): Promise<void> {
  const log = createLog('sample-backends', 'info')
  const ended = endSignal()
  const servers: RunningServer[] = []
  try {
    const { programs: listen, rolesHeader, database } = options
    servers.push(await startPrograms({ listen, rolesHeader, database, now: () => new Date() }, log))
    servers.push(await startOpenApi({ listen: options.open }, log))
    for (const { url } of servers) log.info({ url }, 'listening')
    await ended
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
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

/** Resolves at the first signal to end; the same one again ends the process at once. */
function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
