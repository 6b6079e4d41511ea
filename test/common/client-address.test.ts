import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { ClientAddresses, countedNetwork } from '../../common/client-address.ts'

const requestFrom = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

const trusting = new ClientAddresses(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])
const addressOf = (socket: string, forwarded?: string) => trusting.of(requestFrom(socket, forwarded))

t.test('without trusted proxies, the address is the connection’s, whatever a field says', async (t) => {
  const nobody = new ClientAddresses([])
  for (const [socket, expected] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, 'unknown'],
  ] as const)
    t.equal(nobody.of(requestFrom(socket, '203.0.113.9')), expected)
})

t.test('behind trusted proxies, it is the last that is none of them', async (t) => {
  for (const [socket, forwarded, expected] of [
    ['203.0.113.1', '198.51.100.1', '203.0.113.1'],
    ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['fd12::1', '198.51.100.1', '198.51.100.1'],
    ['192.0.2.7', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '1.1.1.1,198.51.100.1 ,\t10.2.3.4, ::ffff:10.9.9.9', '198.51.100.1'],
    ['10.0.0.1', 'forged"<>, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['10.0.0.1', '::FFFF:198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    ['10.0.0.1', '10.7.7.7, 10.0.0.2', '10.7.7.7'],
  ] as const)
    t.equal(addressOf(socket, forwarded), expected, `${socket} ${forwarded}`)
})

t.test('what cannot be read leaves the connection’s address', async (t) => {
  for (const forwarded of [
    ...[undefined, '', ' ', ',', 'unknown', '_hidden', '198.51.100.1,', '198.51.100.1, 10.0.0.2,,10.0.0.3'],
    ...[
      '256.1.1.1',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4:',
      '1.2.3.4:999999',
      '2001:db8::1%eth0',
      '[::1',
      ',10.0.0.2',
    ],
    ...['for=198.51.100.1', '"198.51.100.1"', '198.51.100.1 10.0.0.2', `${'9'.repeat(9_000)}`],
    // Longer than any real way through proxies.
    `198.51.100.1${', 10.0.0.2'.repeat(20)}`,
  ])
    t.equal(addressOf('10.0.0.1', forwarded), '10.0.0.1', String(forwarded))
})

t.test('whatever is sent, the address is one, and a client cannot choose it', async () => {
  const piece = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.2', '', ' ', '::', '%', '['),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.ipV4(), (sent, real) => {
      const forwarded = [...sent, real].join(',')
      const isOwn = real.startsWith('10.') || real === '192.0.2.7'
      return isOwn || addressOf('10.0.0.1', forwarded) === real
    }),
  )
})

t.test('an IPv6 network of 64 bits counts as one', async (t) => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['unknown', 'unknown'],
  ] as const)
    t.equal(countedNetwork(address), network, address)
})
