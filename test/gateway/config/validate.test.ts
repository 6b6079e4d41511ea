import t from 'tap'
import { ConfigError } from '../../../common/config-file.ts'
import { parseGatewayConfig } from '../../../gateway/config/load.ts'

const routes = 'routes: { /api: { to: "http://b" } }'
const identity = 'identity: { verify: "http://i" }'
const credentials = '{ url: "http://i", clientId: gateway, clientSecret: hunter2 }'

/** The faults of a configuration, a line each without the file's name; empty when it is taken. */
function faultsOf(...lines: readonly string[]): string[] {
  try {
    parseGatewayConfig({ fileName: 'f', text: `${lines.join('\n')}\n`, env: {} })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').map((line) => line.slice(2))
    throw error
  }
}

/** The faults of a configuration with one route. */
const faultsOfRoute = (prefix: string, route: string) =>
  faultsOf(identity, 'routes:', `  "${prefix}": { to: "http://b", ${route} }`)

t.test('the admin listener must not be where clients are', (t) => {
  const rule = 'must differ from listen: clients must never reach the admin listener'
  t.strictSame(faultsOf(identity, 'listen: a:1', 'admin: a:1', routes), [`3: admin: a:1 ${rule}`])
  t.strictSame(faultsOf(identity, 'listen: 127.0.0.1:8090', routes), [`1: admin: ${rule}`])
  t.strictSame(faultsOf(identity, 'listen: a:1', 'admin: a:01', routes), [`3: admin: a:01 ${rule}`])
  for (const wildcard of ['0.0.0.0:1', '"[::]:1"'])
    t.match(faultsOf(identity, `listen: ${wildcard}`, 'admin: a:1', routes), [rule], 'it is every address')
  t.strictSame(faultsOf(identity, 'listen: a:1', 'admin: a:2', routes), [])
  t.strictSame(faultsOf(identity, 'listen: a:0', 'admin: a:0', routes), [], 'port 0 is another one each time')
  t.end()
})

t.test('a route with a token needs exactly one identity provider', (t) => {
  t.strictSame(faultsOf(routes), ['1: identity: is required, because the route /api needs a token'])
  t.strictSame(faultsOf('identity: {}', routes), ['1: identity: must have one of verify, introspect and jwt'])
  t.strictSame(faultsOf(`identity: { verify: "http://i", introspect: ${credentials} }`, routes), [
    '1: identity: must have only one of verify, introspect and jwt',
  ])
  t.strictSame(faultsOf(`identity: { introspect: ${credentials} }`, routes), [])
  t.strictSame(faultsOf(`identity: { verify: ${credentials} }`, routes), [])
  t.end()
})

t.test('the last good keys are good for longer than it takes to fetch new ones', (t) => {
  const faultsOfJwt = (ages: string) =>
    faultsOf(`identity: { jwt: { issuer: "https://i", audience: a, ${ages} } }`, routes)
  const rule = 'must be at least 1m, and no shorter than keysMaxAge'
  for (const ages of ['keysMaxStale: 0s', 'keysMaxStale: 59s, keysMaxAge: 1s', 'keysMaxStale: 9m'])
    t.match(faultsOfJwt(ages), [rule], ages)
  t.match(faultsOfJwt('keysMaxAge: 25h'), [rule], 'also where one of them is the default')
  t.strictSame(faultsOfJwt('keysMaxStale: 1m, keysMaxAge: 1m'), [])
  t.end()
})

t.test('both providers with their secrets are refused without a secret in the message', (t) => {
  const faults = faultsOf(`identity: { verify: ${credentials}, introspect: ${credentials} }`, routes)
  t.equal(faults.length, 1)
  t.notMatch(faults.join(), /hunter2/)
  t.end()
})

t.test('a provider that is asked with credentials needs all of them', (t) => {
  t.strictSame(faultsOf('identity: { introspect: { url: "http://i" } }', routes), [
    '1: identity.introspect.clientId: is required',
    '1: identity.introspect.clientSecret: is required',
  ])
  t.match(faultsOf('identity: { introspect: "http://i" }', routes), [
    '1: identity.introspect: must be an object',
  ])
  t.end()
})

t.test('what only a token can mean is refused on an open route', (t) => {
  const open = (option: string) => faultsOfRoute('/a', `auth: none, ${option}`)
  const rule = 'has no effect with auth: none; remove one of the two'
  t.strictSame(open('roles: [USER]'), [`3: routes./a.roles: ${rule}`])
  t.strictSame(open('scopes: [read]'), [`3: routes./a.scopes: ${rule}`])
  t.strictSame(open('queryToken: true'), [`3: routes./a.queryToken: true ${rule}`])
  t.strictSame(open('identity: x'), [`3: routes./a.identity: x ${rule}`])
  t.strictSame(open('limit: 1/1s'), [], 'an open route counts by address')
  t.strictSame(open('roles: [], scopes: [], queryToken: false'), [], 'empty, they say the same')
  t.end()
})

t.test('a limit of a route says nothing that cannot be', (t) => {
  const limit = (text: string, auth = 'token') => faultsOfRoute('/a', `auth: ${auth}, limit: ${text}`)
  const at = '3: routes./a.limit'
  t.strictSame(limit('{ quota: 1/1s, burst: 2 }'), [`${at}.burst: 2 has no effect without algorithm: gcra`])
  t.strictSame(limit('[{ quota: 1/1s, burst: 2 }]'), [
    `${at}.0.burst: 2 has no effect without algorithm: gcra`,
  ])
  const anonymous = 'must be address, because with auth: none nobody says who they are'
  t.strictSame(limit('{ quota: 1/1s, by: client }', 'none'), [`${at}.by: client ${anonymous}`])
  t.strictSame(limit('{ quota: 1/1s, applies: without-own-quota }', 'none'), [
    `${at}.applies: without-own-quota has no effect with auth: none; remove one of the two`,
  ])
  t.strictSame(limit('{ quota: 1/1s, algorithm: gcra, burst: 2, by: user, mode: shadow }'), [])
  t.end()
})

t.test('a route names an identity provider that there is, and keeps off the gateway’s own paths', (t) => {
  const providers = 'identityProviders: { partner: { verify: "http://i" } }'
  t.strictSame(faultsOf(providers, 'routes: { /a: { to: "http://b", identity: partner } }'), [])
  t.strictSame(faultsOf(identity, providers, 'routes: { /a: { to: "http://b", identity: toString } }'), [
    '3: routes./a.identity: toString must be the name of one of the identityProviders, of which there are: partner',
  ])
  t.strictSame(faultsOf(identity, 'identityProviders: { partner: {} }', routes), [
    '2: identityProviders.partner: must have one of verify, introspect and jwt',
  ])
  for (const prefix of ['/.passerelle', '/.passerelle/me'])
    t.match(faultsOfRoute(prefix, 'stripPrefix: true'), [/must not begin with \/\.passerelle/])
  t.end()
})

t.test('an endpoint that the gateway should look on at is one that a route serves', (t) => {
  const provider = (rest: string) => `identity: { verify: "http://i", ${rest} }`
  const rule = 'must be a path that one of the routes serves'
  t.strictSame(faultsOf(provider('tokenEndpoint: /api/token, revocationEndpoint: /api'), routes), [])
  t.strictSame(faultsOf(provider('tokenEndpoint: /apis/token, revocationEndpoint: /'), routes), [
    `1: identity.tokenEndpoint: /apis/token ${rule}`,
    `1: identity.revocationEndpoint: / ${rule}`,
  ])
  t.strictSame(faultsOf(provider('tokenEndpoint: /x'), 'routes: { /: { to: "http://b" } }'), [])
  t.strictSame(faultsOf(provider('tokenEndpoint: /api/x, revocationEndpoint: /api/x'), routes), [
    '1: identity.revocationEndpoint: /api/x must differ from tokenEndpoint',
  ])
  const other = 'identityProviders: { other: { verify: "http://i", tokenEndpoint: /x } }'
  t.strictSame(faultsOf(identity, other, routes), [`2: identityProviders.other.tokenEndpoint: /x ${rule}`])
  t.end()
})

t.test('the identity headers have three names of their own', (t) => {
  const differ = 'must differ from the other identity headers'
  const own = 'must be a header of its own: this one has a meaning in HTTP already'
  t.strictSame(faultsOf(identity, 'headers: { roles: X-A, client: x-a }', routes), [
    `2: headers.client: x-a ${differ}`,
  ])
  t.strictSame(faultsOf(identity, 'headers: { client: x-scope }', routes), [`2: headers.scope: ${differ}`])
  for (const name of ['Authorization', 'host', 'X-Forwarded-For', 'X-Request-Id', 'Content-Length']) {
    t.strictSame(faultsOf(identity, `headers: { roles: ${name} }`, routes), [
      `2: headers.roles: ${name} ${own}`,
    ])
  }
  t.strictSame(faultsOf(identity, 'headers: { roles: X-ARTE-Roles }', routes), [])
  t.match(faultsOf(identity, 'headers: { roles: X_Roles }', routes), [
    /X_Roles must be a header name of letters/,
  ])
  t.end()
})

t.test('a route begins at a plain path', (t) => {
  for (const prefix of ['api', '/api/', '//api', '/a/../b', '/a%2fb', '/a?b', '/a;b', '/a b', '']) {
    t.match(faultsOfRoute(prefix, 'stripPrefix: true'), [/its name must be a path such as \/api1/], prefix)
  }
  for (const prefix of ['/', '/api', '/api/v1.2', '/~a']) {
    t.strictSame(faultsOfRoute(prefix, 'stripPrefix: true'), [], prefix)
  }
  t.end()
})

t.test('there is at least one route, and each says where it goes', (t) => {
  t.strictSame(faultsOf(identity), ['1: routes: is required'])
  t.strictSame(faultsOf(identity, 'routes: {}'), ['2: routes: must have at least 1 entry'])
  t.strictSame(faultsOf(identity, 'routes: { /a: {} }'), ['2: routes./a.to: is required'])
  t.match(faultsOf(identity, 'routes: { /a: null }'), [/^2: routes\.\/a: .*must be an object$/])
  t.end()
})

t.test('a timeout is never without end and never past what a timer can count', (t) => {
  const names = ['identity', 'connect', 'head', 'idle', 'request', 'keepAlive', 'shutdown']
  const rule = 'must be a duration from 1ms to 24d, such as 500ms, 30s or 5m'
  for (const name of names) {
    for (const value of ['0s', '25d', '999999999d', '5']) {
      t.strictSame(faultsOf(identity, `timeouts: { ${name}: ${value} }`, routes), [
        `2: timeouts.${name}: ${value} ${rule}`,
      ])
    }
  }
  t.end()
})

t.test('numbers, quotas and choices are held to their bounds', (t) => {
  const wrong: Readonly<Record<string, RegExp>> = {
    'tokenCache: { maxTokens: 0 }': /maxTokens: 0 must be at least 1$/,
    'tokenCache: { maxTokens: 10000001 }': /must be at most 10000000$/,
    'tokenCache: { ttl: never }': /ttl: never must be a whole number with a unit/,
    'store: redis2': /store: must be memory, redis:/,
    'logLevel: loud': /logLevel: loud must be one of silent, error, warn, info, debug$/,
    'listen: 8080': /listen: 8080 must be HOST:PORT/,
    'timeout: 3s': /timeout: is not an option; did you mean timeouts\?$/,
  }
  for (const [line, rule] of Object.entries(wrong)) t.match(faultsOf(identity, line, routes), [rule], line)
  t.match(faultsOfRoute('/a', 'limit: 1000/h'), [/limit: 1000\/h must be REQUESTS\/WINDOW/])
  t.match(faultsOfRoute('/a', 'roles: ["A,B"]'), [/roles\.0: "A,B" must be 1 to 64 letters/])
  t.match(faultsOfRoute('/a', 'scopes: ["a b"]'), [/scopes\.0: "a b" must be 1 to 64 printable/])
  t.match(faultsOfRoute('/a', 'auth: maybe'), [/auth: maybe must be one of token, none$/])
  t.match(faultsOf(identity, 'routes: { /a: { to: "ftp://b" } }'), [
    /to: "ftp:\/\/b" must be an absolute http/,
  ])
  t.end()
})
