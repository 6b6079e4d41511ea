import type { RunningServer } from '../common/running-server.ts'

/**
 * Keeps servers running until the process is told to stop (Ctrl-C or SIGTERM), then closes them in order, so that what
 * stands in front stops before what it needs. A second signal ends the process at once.
 */
export async function runUntilStopped(servers: readonly RunningServer[]): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  const endAtOnce = () => process.exit(130)
  process.once('SIGINT', endAtOnce)
  process.once('SIGTERM', endAtOnce)
  for (const server of servers) await server.close()
  process.off('SIGINT', endAtOnce)
  process.off('SIGTERM', endAtOnce)
}
