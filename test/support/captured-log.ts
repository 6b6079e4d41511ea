import { Writable } from 'node:stream'
import { pino } from 'pino'

/** A log whose lines can be looked at. */
export function captureLog() {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, log: pino({ level: 'trace' }, stream) }
}
