import t from 'tap'
import { type Facts, judge } from './judge.ts'
import type { Round } from './rounds.ts'

const round: Round = {
  name: 'a round',
  stage: 'server',
  whenStoreFails: 'strict',
  clients: 1,
  limit: 400,
  windowS: 3_600,
  perSecond: 100,
  faults: [],
}

function facts(admitted: Readonly<Record<string, number>>, other: Partial<Facts> = {}): Facts {
  return {
    clients: [{ client: 'Client1', admitted: new Map(Object.entries(admitted)) }],
    servedByReset: new Map(),
    unavailable: 0,
    dead: [],
    isUsedUp: true,
    isSilent: true,
    faults: [],
    ...other,
  }
}

const flush = { atMs: 0, what: 'FLUSHALL' } as const

t.test('one request over the limit is a failure, and so is one lost where nobody died', (t) => {
  t.match(judge(round, facts({ g1: 200, g2: 200 })), { faults: [], overAdmitted: 0, excused: 0 })
  t.match(judge(round, facts({ g1: 200, g2: 201 })), {
    faults: ['Client1: 401 admitted, 400 are the most'],
    overAdmitted: 1,
  })
  t.match(judge(round, facts({ g1: 395 })).faults, ['Client1: 395 admitted, 396 are the least'])
  t.match(judge(round, facts({ g1: 395 }, { dead: ['g2'] })).faults, [])
  t.end()
})

t.test(
  'only a process that died and a store that lost its data together excuse, by what it had admitted',
  (t) => {
    const dead = { dead: ['g2'] }
    t.equal(judge(round, facts({ g1: 400, g2: 10 }, dead)).overAdmitted, 10, 'a death alone does not')
    const flushed = { ...round, faults: [flush] }
    t.equal(judge(flushed, facts({ g1: 400, g2: 10 })).overAdmitted, 10, 'a loss alone does not')
    t.match(judge(flushed, facts({ g1: 400, g2: 10 }, dead)), { faults: [], overAdmitted: 0, excused: 10 })
    t.match(judge(flushed, facts({ g1: 401, g2: 10 }, dead)), { overAdmitted: 1, excused: 10 })
    t.end()
  },
)

t.test('insured means a tenth of the limit at most, open means that nobody gets 503', (t) => {
  const insured = { ...round, whenStoreFails: 'insured', faults: [flush] } as const
  t.equal(judge(insured, facts({ g1: 440 })).overAdmitted, 0)
  t.equal(judge(insured, facts({ g1: 441 })).overAdmitted, 1)
  const open = { ...round, whenStoreFails: 'open', faults: [flush] } as const
  t.strictSame(judge(open, facts({ g1: 900 })).faults, [])
  t.match(judge(open, facts({ g1: 900 }, { unavailable: 1 })).faults, [/503 on an open route/])
  t.equal(judge({ ...open, faults: [] }, facts({ g1: 401 })).overAdmitted, 1, 'nothing happened to the store')
  t.end()
})

t.test('short windows are held one by one, and what nobody was told of counts in all of them', (t) => {
  const short = { ...round, limit: 60, windowS: 3, forMs: 9_000 }
  const windows = (...served: number[]) => ({
    servedByReset: new Map(served.map((count, i) => [`${100 + 3 * i}`, count])),
  })
  t.strictSame(judge(short, facts({ g1: 180 }, windows(60, 60, 60))).faults, [])
  t.equal(judge(short, facts({ g1: 180 }, windows(59, 61, 60))).overAdmitted, 1)
  t.equal(judge(short, facts({ g1: 183 }, windows(60, 60, 60))).overAdmitted, 3)
  t.match(judge(short, facts({ g1: 160 }, windows(60, 40, 60))).faults, [/40 served in the window until 103/])
  t.end()
})

t.test('whatever was seen to be wrong is a failure', (t) => {
  t.match(judge(round, facts({ g1: 400 }, { faults: ['g1 is not ready'] })).faults, ['g1 is not ready'])
  t.match(judge(round, facts({ g1: 400 }, { isUsedUp: false })).faults, [/not used up in time/])
  t.match(judge(round, facts({ g1: 400 }, { isSilent: false })).faults, [/calls for leases went on/])
  t.end()
})
