import fc from 'fast-check'
import t from 'tap'
import { RouteCharges } from '../../gateway/charge.ts'
import { fixedWindow, limitPolicy } from '../../gateway/limit-policy.ts'

const hourly = fixedWindow({ limit: 9, windowMs: 3_600_000 })
const ownPolicy = limitPolicy({ kind: 'client', id: 'a' }, hourly, { name: 'client', isShadow: false })
const limit = { rule: hourly, by: 'client', isStandIn: false, isShadow: false } as const
const routeWith = (...limits: ConstructorParameters<typeof RouteCharges>[0]['limits']) =>
  new RouteCharges({ prefix: '/a', limits, identity: 'the default', cost: 1, whenStoreFails: 'strict' })

t.test('whatever a route limits, no two policies of a request share a name or a count', async () => {
  const anyLimit = fc.record({
    rule: fc.constantFrom(hourly, fixedWindow({ limit: 1, windowMs: 1_000 })),
    by: fc.constantFrom('client' as const, 'user' as const, 'address' as const),
    isStandIn: fc.boolean(),
    isShadow: fc.boolean(),
  })
  const identity = fc.record({
    client: fc.string(),
    user: fc.option(fc.string(), { nil: undefined }),
    ownPolicy: fc.constantFrom(undefined, ownPolicy),
  })
  fc.assert(
    fc.property(fc.array(anyLimit, { maxLength: 4 }), identity, fc.ipV6(), (limits, caller, address) => {
      const policies = routeWith(...limits).of(caller, address)?.policies ?? []
      const isDistinct = (words: readonly string[]) => new Set(words).size === words.length
      return (
        isDistinct(policies.map(({ name }) => name)) && isDistinct(policies.map(({ subject }) => subject))
      )
    }),
  )
})

t.test('the client’s own quota comes first, and what stands in for it gives way', async (t) => {
  const charges = routeWith({ ...limit, isStandIn: true }, { ...limit, by: 'user' })
  const names = (own: typeof ownPolicy | undefined) =>
    charges
      .of({ client: 'a', user: 'u', ownPolicy: own }, '')
      ?.policies.map(({ name, owner }) => [name, owner])
  t.same(names(ownPolicy), [
    ['client', 'client a'],
    ['/a#2', 'user u'],
  ])
  t.same(names(undefined), [
    ['/a', 'client a'],
    ['/a#2', 'user u'],
  ])
})

t.test('a token that names no user counts for its client', async (t) => {
  const charge = routeWith({ ...limit, by: 'user' }).of(
    { client: 'a', user: undefined, ownPolicy: undefined },
    '',
  )
  t.match(charge?.policies, [{ owner: 'client a' }])
})

t.test(
  'what counts by address is not kept with the token, and an address’s charge is made once',
  async (t) => {
    const charges = routeWith({ ...limit, by: 'address' })
    const caller = { client: 'a', user: undefined, ownPolicy: undefined }
    const owners = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'].map(
      (address) => charges.of(caller, address)?.policies[0]?.owner,
    )
    t.same(owners, [
      'address 192.0.2.1',
      'address 192.0.2.2',
      'address 2001:db8:0:0::/64',
      'address 2001:db8:0:0::/64',
    ])
    t.equal(charges.ofAddress('192.0.2.1'), charges.ofAddress('192.0.2.1'))
    t.equal(routeWith().ofAddress('192.0.2.1'), undefined)
    for (let i = 0; i < 10_001; i += 1) charges.ofAddress(`10.0.${i >> 8}.${i & 255}`)
    t.match(charges.ofAddress('192.0.2.1')?.policies, [{ owner: 'address 192.0.2.1' }], 'nor too many kept')
  },
)

t.test(
  'all tokens of a client share one charge, and while its quota changes the old and the new share one each',
  async (t) => {
    const charges = routeWith()
    const ofToken = (own: typeof ownPolicy | undefined) =>
      charges.of({ client: 'a', user: undefined, ownPolicy: own }, '')
    const first = ofToken(ownPolicy)
    t.equal(ofToken(ownPolicy), first)
    const rule = fixedWindow({ limit: 5, windowMs: 3_600_000 })
    const newPolicy = { ...ownPolicy, rule }
    const second = ofToken(newPolicy)
    t.equal(second?.policies[0]?.rule, rule)
    t.equal(ofToken(undefined), undefined)
    t.equal(ofToken(ownPolicy), first)
    t.equal(ofToken(newPolicy), second)
  },
)

t.test('a client without a quota of its own has one charge, however many clients there are', async (t) => {
  const charges = routeWith(limit)
  const ofClient = (client: string) => charges.of({ client, user: undefined, ownPolicy: undefined }, '')
  t.equal(ofClient('a'), ofClient('a'))
  for (let i = 0; i < 20_001; i += 1) ofClient(`b${i}`)
  t.match(ofClient('a')?.policies, [{ owner: 'client a' }])
})

t.test('clients of one name at two providers are counted apart', async (t) => {
  const route = { prefix: '/a', limits: [limit], cost: 1, whenStoreFails: 'strict' } as const
  const subjects = ['the default', 'partner', 'other'].flatMap((identity) => {
    const charge = new RouteCharges({ ...route, identity }).of(
      { client: 'a', user: undefined, ownPolicy },
      '::1',
    )
    return charge?.policies.map(({ subject }) => subject)
  })
  t.equal(subjects.length, 6)
  t.equal(new Set(subjects).size, 6)
})
