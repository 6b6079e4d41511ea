/** The short form of `npm run chaos`: real gateway processes on a real Redis, of which both are hurt. */
import t from 'tap'
import { play } from '../chaos/play.ts'
import { heading, lineOf } from '../chaos/report.ts'
import { rounds } from '../chaos/rounds.ts'
import { openStage } from '../chaos/stage.ts'
import { needs, redisServer } from '../support/services.ts'

const played = [
  'old data, and the only one who knows is frozen',
  'all connections are cut',
  'a gateway is killed',
]

t.test(
  'four gateways never admit one request too many, whatever is done to them and to their store',
  await needs(redisServer),
  async (t) => {
    const stage = await openStage(t, 'server')
    t.comment(heading)
    for (const [index, name] of played.entries()) {
      const round = rounds.find((each) => each.name === name)
      if (round === undefined) throw new Error(`there is no round ${name}`)
      // One look whether calls cease is enough here.
      const result = await play(stage, round, index === 0 ? undefined : 0)
      t.comment(lineOf(result))
      t.strictSame(result.faults, [], name)
      t.ok(result.admitted > 0 && result.refused > 0, 'requests were admitted and refused')
    }
  },
)
