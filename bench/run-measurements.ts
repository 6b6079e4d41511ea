import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Figure, type Measurement, NotMeasurable } from './measurement.ts'
import { missingPackages } from './needed-programs.ts'
import { Stage } from './stage.ts'
import { describeMachine, renderRows, writeIntoPage } from './table.ts'

/** A program that measures one thing after the other. */
export interface MeasuringProgram {
  /** As in `npm run COMMAND`; in docs/performance.md each measurement has a place that is called COMMAND:MEASUREMENT. */
  readonly command: string
  readonly measurements: Readonly<Record<string, Measurement>>
  /** Debian packages that it cannot do without. */
  readonly needs: readonly string[]
  /** What has to be done to this process before anything is measured. */
  prepare?(): void
}

/** A command line that the program does not understand, or a machine that it cannot run on. */
class UsageError extends Error {}

const interruption = new AbortController()

/** Runs what the command line chooses: prints the figures, and with `--write` puts them into docs/performance.md. */
export async function runMeasurements(program: MeasuringProgram): Promise<void> {
  process.on('SIGINT', () => interruption.abort())
  process.on('SIGTERM', () => interruption.abort())
  try {
    const { chosen, isWriting } = readOptions(program)
    checkMachine(program)
    program.prepare?.()
    await measureAll(program, chosen, isWriting)
  } catch (error) {
    process.exitCode = 1
    if (interruption.signal.aborted) console.error('interrupted')
    else if (error instanceof UsageError) console.error(`${error.message}\n\n${usageOf(program)}`)
    else console.error(error)
  }
}

/** Goes on when one thing cannot be measured. */
async function measureAll(
  { command, measurements }: MeasuringProgram,
  chosen: readonly string[],
  isWriting: boolean,
): Promise<void> {
  for (const name of chosen) {
    const text = await measure(name, measurements[name])
    if (text === undefined) continue
    console.log(`\n${text}`)
    if (isWriting)
      writeIntoPage(
        { name: `${command}:${name}`, command: `npm run ${command} -- --only ${name} --write` },
        text,
      )
  }
}

async function measure(name: string, measurement: Measurement | undefined): Promise<string | undefined> {
  const stage = new Stage()
  const endStage = () => void stage.close()
  // A signal ends the processes; what is being measured then fails, and so does the run.
  interruption.signal.addEventListener('abort', endStage)
  try {
    console.error(`measuring ${name}`)
    const figures = await measurement?.(stage, interruption.signal)
    return figures === undefined ? undefined : `${describeMachine()}.\n\n${render(figures)}`
  } catch (error) {
    process.exitCode = 1
    if (interruption.signal.aborted) throw error
    console.error(`${name} is left out:`, error instanceof NotMeasurable ? error.message : error)
    return undefined
  } finally {
    interruption.signal.removeEventListener('abort', endStage)
    await stage.close()
  }
}

function render(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, goal }) => [what, value, goal?.text ?? '', verdictOf(goal)])
  return renderRows(['what', 'figure', 'goal', ''], rows)
}

function verdictOf(goal: Figure['goal']): string {
  if (goal === undefined) return ''
  return goal.isMet ? 'met' : 'missed'
}

function readOptions({ measurements }: MeasuringProgram): { chosen: readonly string[]; isWriting: boolean } {
  const { only, write } = parse()
  const names = Object.keys(measurements)
  const chosen = only?.split(',').map((name) => name.trim()) ?? names
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new UsageError(`no measurement is called ${unknown.join(', ')}`)
  return { chosen, isWriting: write }
}

function parse() {
  const options = { only: { type: 'string' }, write: { type: 'boolean', default: false } } as const
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function usageOf({ command, measurements }: MeasuringProgram): string {
  return `npm run ${command} -- [options]
  --only NAMES  measurements, separated by commas: ${Object.keys(measurements).join(', ')}
  --write       writes the figures into docs/performance.md`
}

function checkMachine({ needs }: MeasuringProgram): void {
  const needed = missingPackages().filter((name) => needs.includes(name))
  if (needed.length > 0) {
    throw new UsageError(`programs are missing; on Debian: apt-get install -y ${needed.join(' ')}`)
  }
  if (availableParallelism() < 2)
    throw new UsageError('the bench needs two cores: one for what is measured, one for the load')
}
