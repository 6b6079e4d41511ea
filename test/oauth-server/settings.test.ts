import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { defaultOAuthServerSettings, readOAuthServerConfig } from '../../oauth-server/config/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const fileName = join(folder, 'oauth-server.yaml')

function read(text: string, env: Record<string, string> = {}) {
  writeFileSync(fileName, text)
  return readOAuthServerConfig(fileName, env)
}

t.test('an empty configuration has every default', (t) => {
  const defaults = {
    listen: { host: '127.0.0.1', port: 8_081 },
    admin: { host: '127.0.0.1', port: 8_091 },
    issuer: undefined,
    database: 'sqlite:.data/oauth-server.db',
    accessTokenLifetimeMs: 3_600_000,
    refreshTokenLifetimeMs: 14 * 86_400_000,
    refreshTokenMaxLifetimeMs: 90 * 86_400_000,
    refreshTokenReuseGraceMs: 10_000,
    signingAlgorithm: 'ES256',
    keyEncryptionKey: undefined,
    authorizationCodeLifetimeMs: 60_000,
    sessionIdleTimeoutMs: 3_600_000,
    sessionLifetimeMs: 12 * 3_600_000,
    trustedProxies: [],
    failureLimits: { windowMs: 60_000, perClientAndAddress: 10, perAddress: 50, perClient: 200 },
    legacyGetToken: undefined,
    gateways: [],
    logLevel: 'info',
  }
  t.strictSame(defaultOAuthServerSettings(), defaults)
  t.strictSame(read(''), defaults)
  t.strictSame(defaultOAuthServerSettings({ logLevel: 'warn' }), { ...defaults, logLevel: 'warn' })
  t.end()
})

t.test('options are read, and secrets come from the environment', (t) => {
  const text =
    'listen: "[::1]:0"\ndatabase: postgres://me:${PASSWORD}@db/passerelle\naccessTokenLifetime: 15m\n'
  t.match(read(text, { PASSWORD: 'x' }), {
    listen: { host: '::1', port: 0 },
    database: 'postgres://me:x@db/passerelle',
    accessTokenLifetimeMs: 900_000,
  })
  t.end()
})

t.test('limits, proxies and the request of old are read', (t) => {
  const text = `trustedProxies: [10.0.0.0/8]
failedAuthentications: { window: 5m, perClient: 1000 }
legacyGetToken: true
legacyGetTokenSunset: 2028-02-29
`
  t.match(read(text), {
    trustedProxies: ['10.0.0.0/8'],
    failureLimits: { windowMs: 300_000, perClientAndAddress: 10, perAddress: 50, perClient: 1_000 },
    legacyGetToken: { sunsetMs: Date.UTC(2028, 1, 29) },
  })
  t.end()
})

t.test('a fault is told with its line and rule, and never with a password', (t) => {
  const faulty: readonly (readonly [string, RegExp])[] = [
    ['database: mysql://me:s3ntinel@db/x', /:1: database: must be sqlite:FILE/],
    ['accessTokenLifetime: 0s', /:1: accessTokenLifetime: 0s must be from 1s to 366d/],
    ['refreshTokenLifetime: 367d', /refreshTokenLifetime: 367d must be from 1s to 366d/],
    ['refreshTokenReuseGrace: 61s', /refreshTokenReuseGrace: 61s must be from 0s to 1m/],
    ['refreshTokenMaxLifetime: 13d', /refreshTokenMaxLifetime: 13d must be no shorter than refreshTokenLife/],
    ['signingAlgorithm: HS256', /signingAlgorithm: HS256 must be one of ES256, EdDSA/],
    ['keyEncryptionKey: s3ntinel', /keyEncryptionKey: must be 32 random bytes in base64url, 43 characters/],
    [`keyEncryptionKey: s3ntinel${'x'.repeat(34)}B`, /keyEncryptionKey: must be 32 random bytes/],
    ['authorizationCodeLifetime: 11m', /authorizationCodeLifetime: 11m must be from 1s to 10m/],
    ['sessionIdleTimeout: 59s', /sessionIdleTimeout: 59s must be from 1m to 366d/],
    ['refreshTokenLifetime: soon', /must be a whole number with a unit/],
    [
      'listen: 127.0.0.1:1\nadmin: 127.0.0.1:1',
      /admin: 127.0.0.1:1 must be another address than that of the option listen/,
    ],
    ['failedAuthentications: { window: 25h }', /failedAuthentications.window: 25h must be from 1s to 24h/],
    ['failedAuthentications: { perAddress: 0 }', /failedAuthentications.perAddress/],
    ['legacyGetToken: true', /:1: legacyGetToken: true needs trustedProxies/],
    ['legacyGetTokenSunset: 2027-02-30', /must be a day such as 2027-12-31/],
    ['trustedProxies: [10.0.0]', /must be an IP address or a network/],
    ['logLevel: loud', /logLevel/],
    ['databse: x', /did you mean database/],
  ]
  for (const [text, message] of faulty) {
    const error = t.throws(() => read(text), { message }, text) as Error
    t.notMatch(String(error?.message), /s3ntinel/)
  }
  t.end()
})
