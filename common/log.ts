import { destination, type Logger, pino } from 'pino'

export type { Logger }

/**
 * The log of one application: JSON lines on standard output, written asynchronously in batches of 4 KiB and at the
 * latest after a second. What is logged is chosen field by field where it is logged; no request, header or URL object
 * is ever handed to it, so that no token and no secret can get in.
 */
export function createLog(application: string, level: string): Logger {
  const output = destination({ fd: 1, sync: false, minLength: 4_096, periodicFlush: 1_000 })
  return pino({ level, base: { application }, timestamp: pino.stdTimeFunctions.isoTime }, output)
}
