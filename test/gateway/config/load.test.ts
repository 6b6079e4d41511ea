import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseGatewayConfig, readGatewayConfig } from '../../../gateway/config/load.ts'

/** The shortest configuration that puts one API behind tokens and opens another. */
const fiveLines = `identity: { verify: "http://127.0.0.1:8081/oauth/verifToken" }
routes:
  /api1: { to: "http://127.0.0.1:8082", roles: [USER] }
  /api2: { to: "http://127.0.0.1:8083", auth: none }
`

const parse = (text: string, env: Record<string, string> = {}) =>
  parseGatewayConfig({ fileName: 'gateway.yaml', text, env })

const routes = 'routes: { /api: { to: "http://b" } }'
const verify = 'identity: { verify: "http://i/verifToken" }'

t.test('five lines are a whole configuration, and all they leave out has its default', (t) => {
  const anyRoute = {
    roles: [],
    scopes: [],
    queryToken: false,
    identity: 'the default',
    limits: [],
    cost: 1,
    whenStoreFails: 'insured',
    stripPrefix: false,
    passAuthorization: false,
  }
  t.strictSame(parse(fiveLines), {
    listen: { host: '127.0.0.1', port: 8_080 },
    admin: { host: '127.0.0.1', port: 8_090 },
    store: { kind: 'memory' },
    trustedProxies: [],
    identities: [
      {
        ...{ kind: 'verify', url: 'http://127.0.0.1:8081/oauth/verifToken', credentials: undefined },
        ...{ name: 'the default', tokenEndpoint: undefined, revocationEndpoint: undefined },
      },
    ],
    headers: { roles: 'X-Roles', client: 'X-Client-Id', scope: 'X-Scope' },
    timeouts: {
      identityMs: 900,
      connectMs: 2_000,
      headMs: 30_000,
      idleMs: 30_000,
      requestMs: 300_000,
      keepAliveMs: 75_000,
      shutdownMs: 10_000,
    },
    rateLimitFields: 'both',
    tokenCache: { ttlMs: 60_000, negativeTtlMs: 5_000, staleIfErrorMs: 60_000, maxTokens: 200_000 },
    tokenLookUps: {
      perAddress: { limit: 300, windowMs: 1_000 },
      total: { limit: 1_000, windowMs: 1_000 },
    },
    revocation: { secret: undefined, transmitters: [], blindTtlMs: 30_000 },
    logLevel: 'info',
    routes: [
      { ...anyRoute, prefix: '/api1', to: 'http://127.0.0.1:8082', auth: 'token', roles: ['USER'] },
      { ...anyRoute, prefix: '/api2', to: 'http://127.0.0.1:8083', auth: 'none' },
    ],
  })
  t.end()
})

t.test('a configuration is read from a file', (t) => {
  const fileName = join(mkdtempSync(join(t.testdir(), 'config-')), 'gateway.yaml')
  writeFileSync(fileName, fiveLines)
  t.equal(readGatewayConfig(fileName, {}).routes.length, 2)
  t.throws(() => readGatewayConfig(`${fileName}.missing`, {}), {
    name: 'ConfigError',
    message: /there is no such file/,
  })
  t.end()
})

t.test('an identity provider may want to know who asks, by either protocol', (t) => {
  const provider = '{ url: "http://i", clientId: gateway, clientSecret: "${SECRET}" }'
  const credentials = { clientId: 'gateway', clientSecret: 'hunter2' }
  for (const kind of ['verify', 'introspect']) {
    const { identities } = parse(`identity: { ${kind}: ${provider} }\n${routes}`, { SECRET: 'hunter2' })
    t.match(identities, [{ kind, url: 'http://i', credentials }])
  }
  t.end()
})

t.test('where every route is open, no identity provider is needed', (t) => {
  t.equal(parse('routes: { /: { to: "http://b", auth: none } }').identities.length, 0)
  t.end()
})

t.test('durations and quotas become milliseconds and numbers', (t) => {
  const { timeouts, tokenCache, routes } = parse(`${verify}
timeouts: { identity: 1s, head: 2m, shutdown: 1ms }
tokenCache: { ttl: 0s, maxTokens: 1 }
routes: { /a: { to: "http://b", limit: 1000/1h, scopes: [read], queryToken: true, stripPrefix: true } }
`)
  t.match(timeouts, { identityMs: 1_000, connectMs: 2_000, headMs: 120_000, shutdownMs: 1 })
  t.match(tokenCache, { ttlMs: 0, maxTokens: 1 })
  t.match(routes, [
    {
      limits: [{ rule: { limit: 1_000, windowMs: 3_600_000 } }],
      scopes: ['read'],
      queryToken: true,
      stripPrefix: true,
    },
  ])
  t.end()
})
