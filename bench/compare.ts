import type { Contestant } from './contestants.ts'
import { load } from './load.ts'
import { processorTimeUs } from './processor-time.ts'

interface ComparisonPlan {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly signal: AbortSignal
}

/** What one contestant did in one round. */
interface Sample {
  readonly processorUs: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

/** What one contestant did in all rounds: medians, and the sum of the errors. */
export interface Result extends Sample {
  readonly name: string
  /** Processor time and requests per second as multiples of the first contestant's. */
  readonly processorRatio: number
  readonly requestsRatio: number
}

/** Enough for the just-in-time compilers of the contestants that have one to settle. */
const warmUpSeconds = 2

/**
 * Loads every contestant in turn in each round, so that a change in the machine's speed hits all alike. Ratios are taken
 * round by round, for the same reason, and only then their median.
 */
export async function compare(
  contestants: readonly Contestant[],
  plan: ComparisonPlan,
): Promise<readonly Result[]> {
  for (const contestant of contestants) await sample(contestant, { ...plan, seconds: warmUpSeconds })
  const rounds: Sample[][] = []
  for (let round = 1; round <= plan.rounds; round += 1) {
    rounds.push(await playRound(contestants, plan, round % 2 === 0))
    console.error(`round ${round} of ${plan.rounds}`)
  }
  return contestants.map(({ name }, index) => summarise(name, index, rounds))
}

/** Every other round runs backwards, so that nobody always comes after the same neighbour. */
async function playRound(
  contestants: readonly Contestant[],
  plan: ComparisonPlan,
  isBackwards: boolean,
): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const contestant of isBackwards ? contestants.toReversed() : contestants) {
    samples.push(await sample(contestant, plan))
  }
  return isBackwards ? samples.toReversed() : samples
}

async function sample({ url, script, pid }: Contestant, plan: ComparisonPlan): Promise<Sample> {
  const before = processorTimeUs(pid)
  const report = await load({ ...plan, url, script })
  return { ...report, processorUs: (processorTimeUs(pid) - before) / Math.max(1, report.requests) }
}

function summarise(name: string, index: number, rounds: readonly (readonly Sample[])[]): Result {
  const own = rounds.flatMap((samples) => samples.slice(index, index + 1))
  const first = rounds.flatMap((samples) => samples.slice(0, 1))
  const medianOf = (member: keyof Sample) => median(own.map((sample) => sample[member]))
  const ratioOf = (member: keyof Sample) =>
    median(own.map((sample, round) => sample[member] / (first[round]?.[member] ?? Number.NaN)))
  return {
    name,
    processorUs: medianOf('processorUs'),
    processorRatio: ratioOf('processorUs'),
    requestsPerSecond: medianOf('requestsPerSecond'),
    requestsRatio: ratioOf('requestsPerSecond'),
    p50Ms: medianOf('p50Ms'),
    p99Ms: medianOf('p99Ms'),
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}
