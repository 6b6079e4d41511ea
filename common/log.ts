import { destination, type Logger, pino } from 'pino'

export type { Logger }

/**
 * The log of one application: JSON lines on standard output, written asynchronously in batches of 4 KiB and at the
 * latest after a second. What is logged is chosen field by field where it is logged; no request, header or URL object
 * is ever handed to it, so that no token and no secret can get in.
 *
 * Larger batches would cost more, not less: pino's output measures the whole batch anew at every line.
 */
export function createLog(application: string, level: string): Logger {
  const output = destination({ fd: 1, sync: false, minLength: 4_096, periodicFlush: 1_000 })
  return pino({ level, base: { application }, timestamp: createTimestamp() }, output)
}

/** The `time` member of a line. Under load many lines fall into one millisecond, whose text is made once. */
function createTimestamp(): () => string {
  let madeAtMs = 0
  let member = ''
  return () => {
    const nowMs = Date.now()
    if (nowMs !== madeAtMs) {
      madeAtMs = nowMs
      member = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return member
  }
}
