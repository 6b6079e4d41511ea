import { type ConfigSource, parseConfig, type RuleBroken, readConfigFile } from '../../common/config-file.ts'
import { durationInMs } from '../../common/duration.ts'
import { type ListenAddress, listenAddress } from '../../common/listen-address.ts'
import { type OAuthServerConfig, oauthServerSchema } from './schema.ts'

/** The configuration as the server uses it. */
export interface OAuthServerSettings {
  readonly listen: ListenAddress
  /** A database URL; it may hold a password. */
  readonly database: string
  readonly accessTokenLifetimeMs: number
  readonly refreshTokenLifetimeMs: number
  readonly logLevel: OAuthServerConfig['logLevel']
}

/** Reads a configuration file. Throws `ConfigError` with every fault that it has. */
export function readOAuthServerConfig(fileName: string, env: ConfigSource['env']): OAuthServerSettings {
  return toSettings(readConfigFile(fileName, env, rules))
}

/** The settings of an empty configuration, with some replaced. */
export function defaultOAuthServerSettings(
  overrides: Partial<OAuthServerSettings> = {},
): OAuthServerSettings {
  const source: ConfigSource = { fileName: 'defaults', text: '{}', env: {} }
  return { ...toSettings(parseConfig(source, rules)), ...overrides }
}

const rules = { schema: oauthServerSchema, crossCheck: checkLifetimes }

const minLifetimeMs = 1_000
const maxLifetimeMs = 366 * 86_400_000

function checkLifetimes(config: OAuthServerConfig): RuleBroken[] {
  return (['accessTokenLifetime', 'refreshTokenLifetime'] as const)
    .filter((option) => {
      const lifetimeMs = durationInMs(config[option])
      return lifetimeMs < minLifetimeMs || lifetimeMs > maxLifetimeMs
    })
    .map((option) => ({ path: [option], rule: 'must be from 1s to 366d' }))
}

function toSettings(config: OAuthServerConfig): OAuthServerSettings {
  return {
    listen: listenAddress(config.listen),
    database: config.database,
    accessTokenLifetimeMs: durationInMs(config.accessTokenLifetime),
    refreshTokenLifetimeMs: durationInMs(config.refreshTokenLifetime),
    logLevel: config.logLevel,
  }
}
