import type { RunningServer } from '../common/running-server.ts'

/**
 * Starts servers one after the other, keeps them running until the process is told to stop (Ctrl-C or SIGTERM), and
 * closes them in reverse, so that what was started last, because it needs the others, stops first. When one cannot
 * start, those before it are closed and its error is thrown. A second signal ends the process at once.
 */
export async function runUntilStopped(servers: AsyncIterable<RunningServer>): Promise<void> {
  const stopped = stopSignal()
  const running: RunningServer[] = []
  try {
    for await (const server of servers) running.push(server)
    await stopped
  } finally {
    for (const server of running.toReversed()) await server.close()
  }
}

/** Resolves at the first signal to stop. The same signal once more has the system's meaning: it ends the process. */
function stopSignal(): Promise<unknown> {
  const signals = ['SIGINT', 'SIGTERM'] as const
  return Promise.race(signals.map((signal) => new Promise((resolve) => process.once(signal, resolve))))
}
