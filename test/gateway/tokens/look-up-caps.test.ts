/** What the caps of look-ups hold, whatever is asked in whatever order. */
import fc from 'fast-check'
import t from 'tap'
import { LookUpCaps, type LookUpPass } from '../../../gateway/tokens/look-up-caps.ts'

const windowMs = 1_000

/** The time that passed, and the clock, which may also be set back. */
interface Time {
  nowMs: number
  passedMs: number
}

type Outcome = 'valid' | 'invalid' | 'none'

interface Asked {
  readonly atMs: number
  readonly address: string | undefined
  outcome: Outcome | 'under way'
}

interface UnderWay {
  readonly pass: LookUpPass
  readonly address: string | undefined
  asked: Asked | undefined
}

const steps = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.nat(300), fc.integer({ min: -500, max: 0 })),
    what: fc.oneof(
      fc.record({
        does: fc.constant('begin' as const),
        address: fc.constantFrom('a', 'b', undefined),
        isStoreUp: fc.boolean(),
      }),
      fc.record({ does: fc.constant('ask' as const), which: fc.nat() }),
      fc.record({
        does: fc.constant('end' as const),
        which: fc.nat(),
        outcome: fc.constantFrom<Outcome>('valid', 'invalid', 'none'),
      }),
    ),
  }),
  { maxLength: 300 },
)

/** Plays the steps, and gives what was asked. What is left under way in the end stays so. */
function play(caps: LookUpCaps, all: typeof steps extends fc.Arbitrary<infer S> ? S : never): Asked[] {
  const time: Time = { nowMs: 1_000_000, passedMs: 0 }
  const underWay: UnderWay[] = []
  const asked: Asked[] = []
  for (const { waitMs, what } of all) {
    // Steps back are not made up for: what counts is the time that passed.
    time.nowMs += waitMs
    time.passedMs += Math.max(0, waitMs)
    if (what.does === 'begin') {
      const pass = caps.begin(what, time.nowMs)
      if (!('reason' in pass)) underWay.push({ pass, address: what.address, asked: undefined })
      continue
    }
    const lookUp = underWay[what.which % underWay.length]
    if (lookUp === undefined) continue
    if (what.does === 'ask') {
      const isAllowed = lookUp.pass.ask(time.nowMs) === undefined
      if (!isAllowed || lookUp.asked !== undefined) continue
      lookUp.asked = { atMs: time.passedMs, address: lookUp.address, outcome: 'under way' }
      asked.push(lookUp.asked)
    } else {
      if (what.outcome !== 'none') lookUp.pass.answered(what.outcome === 'valid')
      lookUp.pass.end(time.nowMs)
      if (lookUp.asked !== undefined) lookUp.asked.outcome = what.outcome
      underWay.splice(underWay.indexOf(lookUp), 1)
    }
  }
  return asked
}

/** Whether in every stretch of time there are no more than the burst and the rate allow. */
function isWithin(asked: readonly Asked[], limit: number): boolean {
  const times = asked.map(({ atMs }) => atMs)
  return times.every((from, i) =>
    times.slice(i).every((to, j) => j + 1 <= limit + ((to - from) * limit) / windowMs + 1e-6),
  )
}

const quota = (limit: number) => ({ limit, windowMs })

const fewAtATime = fc.integer({ min: 1, max: 5 })

t.test('in no stretch of time is more asked than the total’s rate and burst, valid or not', async () => {
  fc.assert(
    fc.property(steps, fewAtATime, fc.integer({ min: 1, max: 10 }), (all, perAddress, total) =>
      isWithin(play(new LookUpCaps({ perAddress: quota(perAddress), total: quota(total) }), all), total),
    ),
    { numRuns: 1_000 },
  )
})

t.test('nor more of an address that is not valid than its own, whatever else of it is', async () => {
  fc.assert(
    fc.property(steps, fewAtATime, (all, perAddress) => {
      const asked = play(new LookUpCaps({ perAddress: quota(perAddress), total: quota(1_000_000) }), all)
      return ['a', 'b'].every((of) =>
        isWithin(
          asked.filter(({ address, outcome }) => address === of && outcome !== 'valid'),
          perAddress,
        ),
      )
    }),
    { numRuns: 1_000 },
  )
})

t.test('valid tokens leave an address’s share as it was: neither less nor more', async () => {
  const lookUps = fc.array(fc.record({ waitMs: fc.nat(2_000), isValid: fc.boolean() }), { maxLength: 100 })
  const property = fc.property(lookUps, fewAtATime, (all, perAddress) => {
    const options = { perAddress: quota(perAddress), total: quota(1_000_000) }
    const [withValid, without] = [new LookUpCaps(options), new LookUpCaps(options)]
    let nowMs = 0
    for (const { waitMs, isValid } of all) {
      nowMs += waitMs
      // A valid one under way meanwhile, however long it takes, is as if it had not been.
      const results = [withValid, ...(isValid ? [] : [without])].map((caps) => {
        const pass = caps.begin({ address: 'a', isStoreUp: false }, nowMs)
        if ('reason' in pass) return 'refused'
        const refused = pass.ask(nowMs)
        if (isValid) pass.answered(true)
        pass.end(nowMs + (isValid ? waitMs : 0))
        nowMs += isValid ? waitMs : 0
        return refused === undefined ? 'asked' : 'refused'
      })
      if (!isValid && results[0] !== results[1]) return false
    }
    return true
  })
  fc.assert(property, { numRuns: 1_000 })
})

t.test('an address whose tokens are invalid waits longer, by nine look-ups for each', async (t) => {
  const caps = new LookUpCaps({ perAddress: quota(300), total: quota(1_000_000) })
  const ask = (isValid: boolean | undefined, address = 'a') => {
    const pass = caps.begin({ address, isStoreUp: false }, 0)
    if ('reason' in pass) return pass
    const refused = pass.ask(0)
    if (isValid !== undefined) pass.answered(isValid)
    pass.end(0)
    return refused
  }
  for (let i = 0; i < 30; i += 1) t.equal(ask(false), undefined)
  t.same(ask(false), { reason: 'address', retryAfterS: 1 })
  t.equal(ask(false, 'b'), undefined, 'another is not held to it')
  for (let i = 0; i < 300; i += 1) t.equal(ask(undefined, 'c'), undefined)
  t.same(ask(undefined, 'c'), { reason: 'address', retryAfterS: 1 })
  for (let i = 0; i < 3_000; i += 1) t.equal(ask(true, 'd'), undefined)
})

t.test('seven addresses may take all they can, and the next one is served', async () => {
  const property = fc.property(fc.array(fc.nat(6), { maxLength: 200 }), (order) => {
    const caps = new LookUpCaps({ perAddress: quota(1_000_000), total: quota(1_000_000) })
    const underWay = new Map<number, number>()
    for (const address of order) {
      for (let i = 0; i < 100; i += 1) {
        const pass = caps.begin({ address: String(address), isStoreUp: false }, 0)
        if ('reason' in pass || pass.ask(0) !== undefined) break
        underWay.set(address, (underWay.get(address) ?? 0) + 1)
      }
    }
    const sum = [...underWay.values()].reduce((all, one) => all + one, 0)
    const newcomer = caps.begin({ address: 'new', isStoreUp: false }, 0)
    return sum < 256 && !('reason' in newcomer) && newcomer.ask(0) === undefined
  })
  fc.assert(property, { numRuns: 200 })
})

t.test('look-ups that ended make room for as many, whatever came of them', async (t) => {
  const caps = new LookUpCaps({ perAddress: quota(1_000_000), total: quota(1_000_000) })
  const fill = (address: string | undefined) => {
    const passes: LookUpPass[] = []
    for (;;) {
      const pass = caps.begin({ address, isStoreUp: true }, 0)
      if ('reason' in pass) return passes
      passes.push(pass)
      if (passes.length % 2 === 0) pass.ask(0)
    }
  }
  for (const address of ['a', undefined]) {
    for (let round = 0; round < 3; round += 1) {
      const passes = fill(address)
      t.equal(passes.length, 256)
      for (const pass of passes) pass.end(0)
    }
  }
})

t.test(
  'so many addresses are remembered at most, and none is forgotten that has look-ups under way',
  async (t) => {
    const caps = new LookUpCaps({ perAddress: quota(1), total: quota(1_000_000) })
    const begin = (address: string) => caps.begin({ address, isStoreUp: false }, 0)
    const first = begin('first')
    if ('reason' in first) throw new Error('the first is refused')
    first.ask(0)
    for (let i = 0; i < 60_000; i += 1) {
      const pass = begin(`address-${i}`)
      if (!('reason' in pass)) pass.end(0)
    }
    t.equal(caps.addresses, 50_000)
    t.ok('reason' in begin('first'), 'its only look-up is under way')
    first.answered(true)
    first.end(0)
    t.notOk('reason' in begin('first'))
  },
)

t.test('a clock that is set back by a day makes nobody wait for a day', async (t) => {
  const caps = new LookUpCaps({ perAddress: quota(1), total: quota(1) })
  const dayMs = 86_400_000
  const ask = (nowMs: number) => {
    const pass = caps.begin({ address: 'a', isStoreUp: false }, nowMs)
    if ('reason' in pass) return false
    const isAllowed = pass.ask(nowMs) === undefined
    pass.end(nowMs)
    return isAllowed
  }
  t.ok(ask(dayMs))
  t.notOk(ask(0), 'no time has passed')
  t.notOk(ask(windowMs - 1))
  t.ok(ask(windowMs))
})
