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
    database: 'sqlite:.data/oauth-server.db',
    accessTokenLifetimeMs: 3_600_000,
    refreshTokenLifetimeMs: 14 * 86_400_000,
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

t.test('a fault is told with its line and rule, and never with a password', (t) => {
  const faulty: readonly (readonly [string, RegExp])[] = [
    ['database: mysql://me:s3ntinel@db/x', /:1: database: must be sqlite:FILE/],
    ['accessTokenLifetime: 0s', /:1: accessTokenLifetime: 0s must be from 1s to 366d/],
    ['refreshTokenLifetime: 367d', /refreshTokenLifetime: 367d must be from 1s to 366d/],
    ['refreshTokenLifetime: soon', /must be a whole number with a unit/],
    ['logLevel: loud', /logLevel/],
    ['databse: x', /did you mean database/],
  ]
  for (const [text, message] of faulty) {
    const error = t.throws(() => read(text), { message }, text) as Error
    t.notMatch(String(error?.message), /s3ntinel/)
  }
  t.end()
})
