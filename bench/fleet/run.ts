import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { missingPackages } from '../needed-programs.ts'
import { cores, Stage } from '../stage.ts'
import { describeMachine, renderRows, writeIntoPage } from '../table.ts'
import { measureFirstCall } from './first-call.ts'
import { measureGarbageStorm } from './garbage-storm.ts'
import { measureHotPath } from './hot-path.ts'
import { type Figure, type Measurement, NotMeasurable } from './measurement.ts'
import { measureMemory } from './memory.ts'
import { measureRevocationLatency } from './revocation-latency.ts'
import { measureScriptCalls } from './script-calls.ts'

const measurements: Readonly<Record<string, Measurement>> = {
  'hot-path': measureHotPath,
  memory: measureMemory,
  'script-calls': measureScriptCalls,
  'revocation-latency': measureRevocationLatency,
  'first-call': measureFirstCall,
  'garbage-storm': measureGarbageStorm,
}
const names = Object.keys(measurements)

const usage = `npm run bench:fleet -- [options]
  --only NAMES  measurements, separated by commas: ${names.join(', ')}
  --write       writes the figures into docs/performance.md`

/** A command line that the bench does not understand, or a machine that it cannot run on. */
class UsageError extends Error {}

/** Measures one thing after the other, prints the figures, and goes on when one cannot be had. */
async function benchFleet(chosen: readonly string[], isWriting: boolean): Promise<void> {
  for (const name of chosen) {
    const text = await measure(name)
    if (text === undefined) continue
    console.log(`\n${text}`)
    if (isWriting) {
      writeIntoPage(
        { name: `bench:fleet:${name}`, command: `npm run bench:fleet -- --only ${name} --write` },
        text,
      )
    }
  }
}

async function measure(name: string): Promise<string | undefined> {
  const stage = new Stage()
  const endStage = () => void stage.close()
  // A signal ends the processes; what is being measured then fails, and so does the run.
  interruption.signal.addEventListener('abort', endStage)
  try {
    console.error(`measuring ${name}`)
    const figures = await measurements[name]?.(stage)
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

function readOptions(): { chosen: readonly string[]; isWriting: boolean } {
  const { only, write } = parse()
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

function checkMachine(): void {
  const needed = missingPackages().filter((name) => name === 'redis-server' || name === 'util-linux')
  if (needed.length > 0) {
    throw new UsageError(`programs are missing; on Debian: apt-get install -y ${needed.join(' ')}`)
  }
  if (availableParallelism() < 2)
    throw new UsageError('the bench needs two cores: one for gateways, one for the load')
}

/** The clients are in this process: it stays off the core of the gateways. */
function leaveCoreToGateways(): void {
  execFileSync('taskset', ['-acp', String(cores.others), String(process.pid)], { stdio: 'ignore' })
}

const interruption = new AbortController()
process.on('SIGINT', () => interruption.abort())
process.on('SIGTERM', () => interruption.abort())
try {
  const { chosen, isWriting } = readOptions()
  checkMachine()
  leaveCoreToGateways()
  await benchFleet(chosen, isWriting)
} catch (error) {
  process.exitCode = 1
  if (interruption.signal.aborted) console.error('interrupted')
  else if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`)
  else console.error(error)
}
