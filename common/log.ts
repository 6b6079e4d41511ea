import { destination, type Logger, pino } from 'pino'
import { BatchedLines } from './batched-lines.ts'

export type { Logger }

/** How much is written together. Each write costs a hop to another thread and back, whatever its size. */
const batchLength = 16_384

/**
 * The log of one application: JSON lines on standard output, written asynchronously in batches of 16 KiB and at the
 * latest after a second. What is logged is chosen field by field where it is logged; no request, header or URL object
 * is ever handed to it, so that no token and no secret can get in.
 */
export function createLog(application: string, level: string): Logger {
  // The output measures all that it holds anew at every line: lines are put together before they reach it.
  const output = destination({ fd: 1, sync: false, minLength: batchLength, maxWrite: 4 * batchLength })
  const lines = new BatchedLines(output, { length: batchLength, afterMs: 1_000 })
  return pino({ level, base: { application }, timestamp: createTimestamp() }, lines)
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
