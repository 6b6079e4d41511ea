import { parseArgs } from 'node:util'

/** What one run of the bench does. */
export interface BenchOptions {
  readonly rounds: number
  /** Length of one contestant's load in one round. */
  readonly seconds: number
  readonly connections: number
  /** Names of the contestants to load; `undefined` for all of them. */
  readonly only: readonly string[] | undefined
  /** Another checkout of this repository, loaded beside this one: for a before and an after. */
  readonly against: string | undefined
  readonly write: boolean
}

/** A command line that the bench does not understand; the message is for the person who typed it. */
export class UsageError extends Error {}

export const usage = `npm run bench -- [options]
  --rounds N        rounds, in each of which every contestant is loaded once (10)
  --seconds N       length of each load (2)
  --connections N   connections of the load generator (64)
  --only NAMES      contestants, separated by commas; the first that runs is what the others are compared to
  --against FOLDER  another checkout of this repository, with its node_modules, as the contestant "before"
  --write           writes the table into docs/performance.md`

// Ten rounds of two seconds for four contestants, and two seconds each to warm up: about 90 seconds. Many short rounds
// stand a shared machine better than few long ones.
const defaults = { rounds: '10', seconds: '2', connections: '64' }

const options = {
  rounds: { type: 'string', default: defaults.rounds },
  seconds: { type: 'string', default: defaults.seconds },
  connections: { type: 'string', default: defaults.connections },
  only: { type: 'string' },
  against: { type: 'string' },
  write: { type: 'boolean', default: false },
} as const

/** Reads the command line. Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { rounds, seconds, connections, only, against, write } = parse(args)
  return {
    rounds: countOf('--rounds', rounds),
    seconds: countOf('--seconds', seconds),
    connections: countOf('--connections', connections),
    only: only?.split(',').map((name) => name.trim()),
    against,
    write,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function countOf(option: string, text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1 || count > 10_000) {
    throw new UsageError(`${option} must be a whole number from 1 to 10000, not "${text}"`)
  }
  return count
}
