import { stringify } from 'yaml'
import type { Clock } from '../../gateway/clock.ts'
import { parseGatewayConfig } from '../../gateway/config/load.ts'
import { type RunningGateway, startGateway } from '../../gateway/main.ts'
import { captureLog } from './captured-log.ts'

/** A gateway under test, with what it logged. */
export interface GatewayUnderTest extends RunningGateway {
  /** Every log line so far. */
  readonly logLines: string[]
}

/** Starts a gateway on free ports. The options are those of the configuration file. */
export async function startTestGateway(
  options: Readonly<Record<string, unknown>>,
  clock?: Clock,
): Promise<GatewayUnderTest> {
  const text = stringify({ listen: '127.0.0.1:0', admin: '127.0.0.1:0', logLevel: 'debug', ...options })
  const settings = parseGatewayConfig({ fileName: 'test.yaml', text, env: {} })
  const { lines, log } = captureLog()
  const gateway = await startGateway(settings, log, clock)
  return { ...gateway, logLines: lines }
}
