import fc from 'fast-check'
import t from 'tap'
import { isWithinPrefix, longestPrefix } from '../../common/path-prefix.ts'
import { RouteTable } from '../../gateway/backends/route-table.ts'
import type { RouteSettings } from '../../gateway/config/settings.ts'

t.test('a path is within a prefix that ends where one of its segments does', (t) => {
  t.ok(isWithinPrefix('/api1', '/api1'))
  t.ok(isWithinPrefix('/api1/x', '/api1'))
  t.ok(isWithinPrefix('/api1', '/'))
  t.notOk(isWithinPrefix('/api10', '/api1'))
  t.notOk(isWithinPrefix('/api', '/api1'))
  t.end()
})

t.test('the longest prefix is that of the route which serves the path', (t) => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 })
    .map((segments) => `/${segments.join('/')}`)
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 8 }), path, (prefixes, asked) => {
      const routes = prefixes.map((prefix) => ({ prefix, limits: [] }) as unknown as RouteSettings)
      const table = new RouteTable(routes, { backendOf: () => undefined as never, tokensOf: () => undefined })
      t.equal(longestPrefix(asked, prefixes), table.find(asked)?.prefix)
    }),
  )
  t.end()
})
