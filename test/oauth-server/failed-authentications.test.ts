import fc from 'fast-check'
import t from 'tap'
import { RequestRefused } from '../../oauth-server/errors.ts'
import {
  type Claimant,
  FailedAuthentications,
  type FailureLimits,
} from '../../oauth-server/failed-authentications.ts'

const small: FailureLimits = { windowMs: 1_000, perClientAndAddress: 2, perAddress: 4, perClient: 6 }

function start(limits = small) {
  const clock = { now: 10_000 }
  const told: string[] = []
  const failures = new FailedAuthentications({
    limits,
    now: () => clock.now,
    listener: {
      authenticationFailed: () => void told.push('failed'),
      authenticationRefused: (limit) => void told.push(limit),
    },
  })
  /** What the caller is told: 200, 401, or 429 and the seconds to wait. */
  async function attempt(subject: string | undefined, address: string, isRight = false): Promise<string> {
    try {
      const result = await failures.guard({ subject, address }, async () => (isRight ? 'yes' : undefined))
      return result === undefined ? '401' : '200'
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error
      return `${error.refusal.status} ${error.refusal.headers?.['retry-after']}`
    }
  }
  return { clock, told, failures, attempt }
}

t.test('A4: failures are limited by client and address, by address, and by client', async (t) => {
  const { attempt, told, clock } = start()
  t.equal(await attempt('a', '1.1.1.1'), '401')
  t.equal(await attempt('a', '1.1.1.1'), '401')
  t.equal(await attempt('a', '1.1.1.1', true), '429 1', 'the pair: not even the right secret is heard')
  t.equal(await attempt('b', '1.1.1.1'), '401', 'another client from there')
  t.equal(await attempt(undefined, '1.1.1.1'), '401', 'who says nothing')
  t.equal(await attempt('c', '1.1.1.1', true), '429 1', 'the address')
  for (const address of ['2.2.2.2', '3.3.3.3'])
    for (let i = 0; i < 2; i += 1) t.equal(await attempt('a', address), '401')
  t.equal(await attempt('a', '4.4.4.4', true), '429 1', 'the client')
  t.equal(await attempt('d', '4.4.4.4', true), '200', 'another client goes on')
  t.same(
    told.filter((limit) => limit !== 'failed'),
    ['client_and_address', 'address', 'client'],
  )
  clock.now += 1_000
  for (const address of ['1.1.1.1', '4.4.4.4']) t.equal(await attempt('a', address, true), '200')
})

t.test('A4: nobody locks a client out from where it has lately authenticated', async (t) => {
  const { attempt, clock } = start()
  t.equal(await attempt('a', '9.9.9.9', true), '200')
  clock.now += 23 * 3_600_000
  for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3'])
    for (let i = 0; i < 2; i += 1) await attempt('a', address)
  t.equal(await attempt('a', '4.4.4.4'), '429 1', 'the client’s limit is reached')
  t.equal(await attempt('a', '9.9.9.9', true), '200')
  for (let i = 0; i < 4; i += 1) await attempt(`x${i}`, '9.9.9.9')
  t.equal(await attempt('b', '9.9.9.9', true), '429 1', 'the address’ limit is reached')
  t.equal(await attempt('a', '9.9.9.9', true), '200', 'nor by others behind the same address')
  t.equal(await attempt('a', '9.9.9.9'), '401')
  t.equal(await attempt('a', '9.9.9.9'), '401')
  t.equal(await attempt('a', '9.9.9.9', true), '429 1', 'its own failures count all the same')
  const later = start()
  await later.attempt('a', '9.9.9.9', true)
  later.clock.now += 24 * 3_600_000
  for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3'])
    for (let i = 0; i < 2; i += 1) await later.attempt('a', address)
  t.equal(await later.attempt('a', '9.9.9.9', true), '429 1', 'after a day it is known no more')
})

t.test('A4: an IPv6 network of 64 bits counts as one address', async (t) => {
  const { attempt } = start()
  for (let i = 0; i < 4; i += 1) t.equal(await attempt(`c${i}`, `2001:db8:0:1::${i}`), '401')
  t.equal(await attempt('x', '2001:db8:0:1:ffff::'), '429 1')
  t.equal(await attempt('x', '2001:db8:0:2::'), '401')
})

t.test('A4: guesses sent at once are not told more than guesses sent in turn', async (t) => {
  const { attempt } = start()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => attempt('a', '1.1.1.1', index === 50)),
  )
  t.same(answers.filter((answer) => answer === '401').length, 2)
  t.notOk(answers.includes('200'), 'the right one came after two wrong ones')
})

t.test('A4: successes are never counted, however many there are', async (t) => {
  const { attempt } = start()
  for (let i = 0; i < 1_000; i += 1) t.equal(await attempt('a', '1.1.1.1', true), '200')
  const atOnce = await Promise.all(Array.from({ length: 100 }, () => attempt('b', '2.2.2.2', true)))
  t.ok(atOnce.every((answer) => answer === '200'))
})

t.test('A4: an authentication that cannot be made counts as none', async (t) => {
  const { failures, attempt } = start()
  for (let i = 0; i < 10; i += 1)
    await t.rejects(
      failures.guard({ subject: 'a', address: '1.1.1.1' }, () => Promise.reject(new Error('no database'))),
      /no database/,
    )
  t.equal(await attempt('a', '1.1.1.1', true), '200')
})

t.test('A4: a million addresses and a million names take bounded memory', async (t) => {
  const { failures } = start()
  const guess = (claimant: Claimant, isRight = false) =>
    failures.guard(claimant, async () => isRight || undefined).catch(() => undefined)
  for (let i = 0; i < 1_000_000; i += 1) {
    const address = `${i >> 16}.${(i >> 8) & 255}.${i & 255}.1`
    await guess({ subject: `client:${i}`, address }, i % 5 === 0)
  }
  t.ok(failures.size <= 70_000, String(failures.size))
})

t.test('A4: whatever happens, no more failures are told in a window than the limits say', async () => {
  const step = fc.record({
    subject: fc.constantFrom('a', 'b', 'a b', undefined),
    address: fc.constantFrom('1.1.1.1', '2.2.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:1::'),
    isRight: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { attempt } = start()
      const failed: Record<string, number> = {}
      const known = new Set<string>()
      for (const { subject, address, isRight } of steps) {
        const network = address.startsWith('2001:db8::') ? 'one' : address
        const isKnown = known.has(`${network} ${subject}`)
        const answer = await attempt(subject, address, isRight)
        const pair = `pair ${network} ${subject}`
        const reached =
          (subject !== undefined && (failed[pair] ?? 0) >= small.perClientAndAddress) ||
          (!isKnown &&
            ((failed[network] ?? 0) >= small.perAddress ||
              (subject !== undefined && (failed[`client ${subject}`] ?? 0) >= small.perClient)))
        if (answer.startsWith('429') !== reached) return false
        if (answer === '200' && subject !== undefined) known.add(`${network} ${subject}`)
        if (answer !== '401') continue
        for (const key of [pair, network, `client ${subject}`]) failed[key] = (failed[key] ?? 0) + 1
      }
      return true
    }),
    { numRuns: 300 },
  )
})
