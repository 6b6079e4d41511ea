import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createLog } from '../../common/log.ts'
import { runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

const thisFile = fileURLToPath(import.meta.url)

/** How the process behaves once it has logged its lines. */
const endings: Readonly<Record<string, () => void>> = {
  'by itself': () => undefined,
  'by an exit': () => process.exit(0),
  'by an error': () => {
    throw new Error('the end')
  },
  never: () => void setInterval(() => undefined, 1_000),
}

if (process.argv[2] !== undefined) {
  const log = createLog('test', 'info')
  for (let line = 0; line < Number(process.argv[3]); line += 1)
    log.info({ line, pad: 'ä'.repeat(line % 200) })
  endings[process.argv[2]]?.()
} else {
  for (const ending of Object.keys(endings))
    for (const count of [1, 10_000])
      t.test(
        `of ${count} lines none is lost in a process that ends ${ending}, and each stands once in its turn`,
        async (t) => {
          const { stdout, stop, ended } = runCommand(process.execPath, [thisFile, ending, String(count)])
          if (ending === 'never') {
            await until('the last line is written', () => stdout().includes(`"line":${count - 1},`))
            await stop('SIGKILL')
          } else await ended
          const lines = stdout()
            .trimEnd()
            .split('\n')
            .map((line) => (JSON.parse(line) as { line: number }).line)
          t.strictSame(
            lines,
            Array.from({ length: count }, (_, index) => index),
          )
        },
      )
}
