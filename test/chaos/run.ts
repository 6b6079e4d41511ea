/**
 * Gateway processes, the Redis that they share and the connections between them are killed, frozen, cut and emptied while
 * clients use up their quotas; a backend counts what was admitted. Ends with 1 when anything was not as promised.
 */
import { parseArgs } from 'node:util'
import { RunOwner } from '../support/owner.ts'
import { play, type Result } from './play.ts'
import { heading, lineOf, summaryOf } from './report.ts'
import { mixedRound, type Round, rounds } from './rounds.ts'
import { seededRandom } from './seeded-random.ts'
import { openStage, type StageName } from './stage.ts'

const usage = `npm run chaos -- [options]
  --seed N      the seed of the mixed rounds, to play them again
  --mixed N     how many of them there are (4)
  --only TEXT   only the rounds whose name holds this text`

/** Plays the rounds, stage by stage, and prints each as it ends. */
async function chaos(chosen: readonly Round[]): Promise<readonly Result[]> {
  const results: Result[] = []
  console.log(heading)
  for (const name of ['server', 'sentinels', 'cluster'] satisfies StageName[]) {
    const ofStage = chosen.filter(({ stage }) => stage === name)
    if (ofStage.length === 0) continue
    const owner = new RunOwner()
    try {
      const stage = await openStage(owner, name)
      for (const round of ofStage) {
        const result = await play(stage, round)
        results.push(result)
        console.log(lineOf(result))
      }
    } finally {
      await owner.end()
    }
  }
  return results
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    mixed: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(usage)
else {
  const random = seededRandom(Number(values.seed))
  const mixed = Array.from({ length: Number(values.mixed) }, (_, index) => mixedRound(index + 1, random))
  const chosen = [...rounds, ...mixed].filter(({ name }) => name.includes(values.only))
  console.log(`seed ${values.seed}`)
  for (const { name, whenStoreFails, faults } of mixed.filter((round) => chosen.includes(round)))
    console.log(
      `${name}, ${whenStoreFails}: ${faults.map(({ atMs, what, slot }) => `${atMs} ms ${what} ${slot}`).join(', ')}`,
    )
  const results = await chaos(chosen)
  console.log(summaryOf(results))
  process.exit(results.some(({ faults }) => faults.length > 0) ? 1 : 0)
}
