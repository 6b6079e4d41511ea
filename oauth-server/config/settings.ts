import { type ConfigSource, parseConfig, type RuleBroken, readConfigFile } from '../../common/config-file.ts'
import { durationInMs } from '../../common/duration.ts'
import { type ListenAddress, listenAddress } from '../../common/listen-address.ts'
import type { FailureLimits } from '../failed-authentications.ts'
import { checkGateways, type GatewayTarget, toGatewayTargets } from './gateway-options.ts'
import { type OAuthServerConfig, oauthServerSchema } from './schema.ts'

/** The configuration as the server uses it. */
export interface OAuthServerSettings {
  readonly listen: ListenAddress
  /** Where administrators are listened to. */
  readonly admin: ListenAddress
  /** The URL by which clients know the server; `undefined` where that is the address it listens on. */
  readonly issuer: string | undefined
  /** A database URL; it may hold a password. */
  readonly database: string
  readonly accessTokenLifetimeMs: number
  readonly refreshTokenLifetimeMs: number
  readonly refreshTokenMaxLifetimeMs: number
  readonly refreshTokenReuseGraceMs: number
  readonly signingAlgorithm: OAuthServerConfig['signingAlgorithm']
  /** 32 bytes in base64url; `undefined` where it is in a file beside the database, or nowhere. */
  readonly keyEncryptionKey: string | undefined
  readonly authorizationCodeLifetimeMs: number
  readonly sessionIdleTimeoutMs: number
  readonly sessionLifetimeMs: number
  /** Addresses and networks, such as `10.0.0.0/8`. */
  readonly trustedProxies: readonly string[]
  readonly failureLimits: FailureLimits
  /** `undefined` where tokens are not to be had by GET at all. */
  readonly legacyGetToken: LegacyGetToken | undefined
  /** Who is told of revocations. */
  readonly gateways: readonly GatewayTarget[]
  readonly logLevel: OAuthServerConfig['logLevel']
}

/** How tokens are given out by GET. */
export interface LegacyGetToken {
  /** When that is to end; milliseconds since the epoch. */
  readonly sunsetMs: number
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

const rules = {
  schema: oauthServerSchema,
  crossCheck: (config: OAuthServerConfig) => [
    ...checkListeners(config),
    ...checkDurations(config),
    ...checkLegacy(config),
    ...checkGateways(config.gateways),
  ],
}

function checkListeners({ listen, admin }: OAuthServerConfig): RuleBroken[] {
  const isShared = listen === admin && listenAddress(admin).port !== 0
  return isShared ? [{ path: ['admin'], rule: 'must be another address than that of the option listen' }] : []
}

/** The shortest and the longest duration that an option takes. */
const bounds = {
  accessTokenLifetime: ['1s', '366d'],
  refreshTokenLifetime: ['1s', '366d'],
  refreshTokenMaxLifetime: ['1s', '366d'],
  refreshTokenReuseGrace: ['0s', '1m'],
  authorizationCodeLifetime: ['1s', '10m'],
  sessionIdleTimeout: ['1m', '366d'],
  sessionLifetime: ['1m', '366d'],
} as const

type BoundedOption = keyof typeof bounds

function checkDurations(config: OAuthServerConfig): RuleBroken[] {
  const outOfBounds = (Object.keys(bounds) as BoundedOption[]).flatMap((option) => {
    const [shortest, longest] = bounds[option]
    const lifetimeMs = durationInMs(config[option])
    const isWithin = lifetimeMs >= durationInMs(shortest) && lifetimeMs <= durationInMs(longest)
    return isWithin ? [] : [{ path: [option], rule: `must be from ${shortest} to ${longest}` }]
  })
  return [...outOfBounds, ...checkRefreshing(config), ...checkWindow(config)]
}

function checkRefreshing(config: OAuthServerConfig): RuleBroken[] {
  if (durationInMs(config.refreshTokenMaxLifetime) >= durationInMs(config.refreshTokenLifetime)) return []
  return [{ path: ['refreshTokenMaxLifetime'], rule: 'must be no shorter than refreshTokenLifetime' }]
}

function checkWindow({ failedAuthentications: { window } }: OAuthServerConfig): RuleBroken[] {
  const windowMs = durationInMs(window)
  if (windowMs >= 1_000 && windowMs <= 86_400_000) return []
  return [{ path: ['failedAuthentications', 'window'], rule: 'must be from 1s to 24h' }]
}

function checkLegacy({ legacyGetToken, trustedProxies }: OAuthServerConfig): RuleBroken[] {
  if (!legacyGetToken || trustedProxies.length > 0) return []
  const rule =
    'needs trustedProxies: this server speaks no TLS, and a proxy must vouch that the client’s secret came over it'
  return [{ path: ['legacyGetToken'], rule }]
}

function toSettings(config: OAuthServerConfig): OAuthServerSettings {
  return {
    listen: listenAddress(config.listen),
    admin: listenAddress(config.admin),
    issuer: config.issuer,
    database: config.database,
    accessTokenLifetimeMs: durationInMs(config.accessTokenLifetime),
    refreshTokenLifetimeMs: durationInMs(config.refreshTokenLifetime),
    refreshTokenMaxLifetimeMs: durationInMs(config.refreshTokenMaxLifetime),
    refreshTokenReuseGraceMs: durationInMs(config.refreshTokenReuseGrace),
    signingAlgorithm: config.signingAlgorithm,
    keyEncryptionKey: config.keyEncryptionKey,
    authorizationCodeLifetimeMs: durationInMs(config.authorizationCodeLifetime),
    sessionIdleTimeoutMs: durationInMs(config.sessionIdleTimeout),
    sessionLifetimeMs: durationInMs(config.sessionLifetime),
    trustedProxies: config.trustedProxies,
    failureLimits: {
      windowMs: durationInMs(config.failedAuthentications.window),
      perClientAndAddress: config.failedAuthentications.perClientAndAddress,
      perAddress: config.failedAuthentications.perAddress,
      perClient: config.failedAuthentications.perClient,
    },
    legacyGetToken: config.legacyGetToken ? { sunsetMs: Date.parse(config.legacyGetTokenSunset) } : undefined,
    gateways: toGatewayTargets(config.gateways),
    logLevel: config.logLevel,
  }
}
