import { availableParallelism } from 'node:os'
import { compare } from './compare.ts'
import { contestantNames, startContestants } from './contestants.ts'
import { missingPackages } from './needed-programs.ts'
import { type BenchOptions, readOptions, UsageError, usage } from './options.ts'
import { Stage } from './stage.ts'
import { comparisonPlace, describeRun, renderTable, writeIntoPage } from './table.ts'

/** Loads the gateway beside its rivals and prints how they compare. */
async function bench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const stage = new Stage()
  try {
    const contestants = await startContestants(stage, options)
    const results = await compare(contestants, { ...options, signal })
    const table = renderTable(results)
    const run = describeRun(options)
    console.log(`\n${run}\n\n${table}`)
    if (options.write) writeIntoPage(comparisonPlace, `${run}\n\n${table}`)
  } finally {
    await stage.close()
  }
}

/** What stands in the way of a run, said before anything is started. */
function checkMachine({ only, write, against }: BenchOptions): void {
  const missing = missingPackages()
  if (missing.length > 0) {
    throw new UsageError(`programs are missing; on Debian: apt-get install -y ${missing.join(' ')}`)
  }
  if (availableParallelism() < 2)
    throw new UsageError('the bench needs two cores: one for contestants, one for the load')
  const unknown = only?.filter((name) => !contestantNames.includes(name)) ?? []
  if (unknown.length > 0) {
    throw new UsageError(
      `no contestant is called ${unknown.join(', ')}; there are ${contestantNames.join(', ')}`,
    )
  }
  if (write && (only !== undefined || against !== undefined)) {
    throw new UsageError('--write goes with all contestants and no other')
  }
}

const interruption = new AbortController()
// A signal ends the load under way; the stage is then cleared as after any failure.
process.on('SIGINT', () => interruption.abort())
process.on('SIGTERM', () => interruption.abort())
try {
  const options = readOptions(process.argv.slice(2))
  checkMachine(options)
  await bench(options, interruption.signal)
} catch (error) {
  process.exitCode = 1
  if (interruption.signal.aborted) console.error('interrupted')
  else if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`)
  else console.error(error)
}
