import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { formatAuthority, listenAddress, parseListenAddress } from '../../common/listen-address.ts'

t.test('an address is a host and a port, with brackets around IPv6', (t) => {
  t.strictSame(parseListenAddress('127.0.0.1:8080'), { host: '127.0.0.1', port: 8_080 })
  t.strictSame(parseListenAddress('localhost:0'), { host: 'localhost', port: 0 })
  t.strictSame(parseListenAddress('[::1]:65535'), { host: '::1', port: 65_535 })
  t.end()
})

t.test('what is not a host and a port in range is no address', (t) => {
  for (const text of [
    '',
    '8080',
    ':8080',
    'localhost',
    'localhost:',
    'a:65536',
    'a:-1',
    '::1:8080',
    '[::1]',
    '[a b]:1',
    'a b:1',
    'http://a:1',
    'a:1/',
    'a:1\n',
  ]) {
    t.equal(parseListenAddress(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('a written address reads back as the same address', (t) => {
  const hosts = fc.oneof(
    fc.ipV4(),
    fc.domain(),
    fc.ipV6().filter((host) => /^[0-9a-f:.]+$/i.test(host)),
  )
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      assert.deepEqual(parseListenAddress(formatAuthority({ host, port })), { host, port })
    }),
  )
  t.end()
})

t.test('hostile text is no address, or one with a plain host and a port in range', (t) => {
  const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\s\S]{0,8}:[0-9]{1,6}$/))
  fc.assert(
    fc.property(hostile, (text) => {
      const address = parseListenAddress(text)
      return address === undefined || (/^[\w.:-]+$/.test(address.host) && address.port <= 65_535)
    }),
  )
  t.end()
})

t.test('text that should have been checked before is a programming error, and named', (t) => {
  t.strictSame(listenAddress('a:1'), { host: 'a', port: 1 })
  t.throws(() => listenAddress('nowhere'), { name: 'TypeError', message: /"nowhere" is not an address/ })
  t.end()
})
