import { type ConfigSource, parseConfig, readConfigFile } from '../../common/config-file.ts'
import { durationInMs } from '../../common/duration.ts'
import { listenAddress } from '../../common/listen-address.ts'
import { type Quota, quotaOf } from '../../common/quota.ts'
import { storeLocation } from '../../common/store-url.ts'
import { type CellRate, fixedWindow } from '../limit-policy.ts'
import {
  type GatewayConfig,
  gatewayConfigSchema,
  type ProviderConfig,
  type RouteConfig,
  type StoreConfig,
} from './options.ts'
import {
  defaultProvider,
  type GatewaySettings,
  type IdentityProtocol,
  type IdentitySettings,
  type JwtSettings,
  type RouteLimit,
  type RouteSettings,
  type StoreSettings,
} from './settings.ts'
import { checkAcrossOptions } from './validate.ts'

const rules = { schema: gatewayConfigSchema, crossCheck: checkAcrossOptions }

/** Reads the gateway's configuration file. Throws a `ConfigError` that lists every fault. */
export function readGatewayConfig(fileName: string, env: ConfigSource['env']): GatewaySettings {
  return toSettings(readConfigFile(fileName, env, rules))
}

/** Reads the gateway's configuration from text. Throws a `ConfigError` that lists every fault. */
export function parseGatewayConfig(source: ConfigSource): GatewaySettings {
  return toSettings(parseConfig(source, rules))
}

function toSettings(config: GatewayConfig): GatewaySettings {
  const timeouts = config.timeouts
  return {
    listen: listenAddress(config.listen),
    admin: listenAddress(config.admin),
    store: toStore(config.store),
    trustedProxies: config.trustedProxies,
    identities: toIdentities(config),
    headers: config.headers,
    rateLimitFields: config.rateLimitFields,
    timeouts: {
      identityMs: durationInMs(timeouts.identity),
      connectMs: durationInMs(timeouts.connect),
      headMs: durationInMs(timeouts.head),
      idleMs: durationInMs(timeouts.idle),
      requestMs: durationInMs(timeouts.request),
      keepAliveMs: durationInMs(timeouts.keepAlive),
      shutdownMs: durationInMs(timeouts.shutdown),
    },
    tokenCache: {
      ttlMs: durationInMs(config.tokenCache.ttl),
      negativeTtlMs: durationInMs(config.tokenCache.negativeTtl),
      staleIfErrorMs: durationInMs(config.tokenCache.staleIfError),
      maxTokens: config.tokenCache.maxTokens,
    },
    tokenLookUps: {
      perAddress: quotaOf(config.tokenLookUps.perAddress),
      total: quotaOf(config.tokenLookUps.total),
    },
    revocation: {
      secret: config.revocation.secret,
      transmitters: config.revocation.transmitters,
      blindTtlMs: durationInMs(config.revocation.blindTtl),
    },
    logLevel: config.logLevel,
    routes: Object.entries(config.routes).map(([prefix, route]) => toRoute(prefix, route)),
  }
}

function toStore(store: GatewayConfig['store']): StoreSettings {
  const options: Partial<StoreConfig> & { url: string } = typeof store === 'string' ? { url: store } : store
  const location = storeLocation(options.url)
  if (location.kind === 'memory') return location
  const { prefix = 'passerelle', ca, sentinelUsername, sentinelPassword } = options
  return { ...location, prefix, ca, sentinelUsername, sentinelPassword }
}

function toIdentities({ identity, identityProviders }: GatewayConfig): IdentitySettings[] {
  const named = Object.entries(identityProviders)
  const all = identity === undefined ? named : [[defaultProvider, identity] as const, ...named]
  return all.flatMap(([name, provider]) => {
    const { tokenEndpoint, revocationEndpoint } = provider
    const protocol = toProtocol(provider)
    return protocol === undefined ? [] : [{ ...protocol, name, tokenEndpoint, revocationEndpoint }]
  })
}

function toProtocol({ verify, introspect, jwt }: ProviderConfig): IdentityProtocol | undefined {
  if (introspect !== undefined) {
    const { url, ...credentials } = introspect
    return { kind: 'introspect', url, credentials }
  }
  if (jwt !== undefined) return toJwt(jwt)
  if (verify === undefined) return undefined
  if (typeof verify === 'string') return { kind: 'verify', url: verify, credentials: undefined }
  const { url, ...credentials } = verify
  return { kind: 'verify', url, credentials }
}

function toJwt(jwt: NonNullable<ProviderConfig['jwt']>): JwtSettings {
  return {
    kind: 'jwt',
    issuer: jwt.issuer,
    audience: jwt.audience,
    jwks: jwt.jwks,
    algorithms: jwt.algorithms,
    clockToleranceMs: durationInMs(jwt.clockTolerance),
    keysMaxAgeMs: durationInMs(jwt.keysMaxAge),
    keysMaxStaleMs: durationInMs(jwt.keysMaxStale),
  }
}

function toRoute(prefix: string, route: RouteConfig): RouteSettings {
  const { limit, identity = defaultProvider, ...rest } = route
  return { ...rest, prefix, identity, limits: toLimits(limit, route.auth) }
}

function toLimits(limit: RouteConfig['limit'], auth: RouteConfig['auth']): RouteLimit[] {
  if (limit === undefined) return []
  if (typeof limit === 'string') {
    const by = auth === 'none' ? 'address' : 'client'
    return [{ rule: fixedWindow(quotaOf(limit)), by, isStandIn: auth === 'token', isShadow: false }]
  }
  const own = Array.isArray(limit) ? limit : [limit]
  return own.map(({ quota, algorithm, burst, by, applies, mode }) => ({
    rule: algorithm === 'gcra' ? cellRate(quotaOf(quota), burst) : fixedWindow(quotaOf(quota)),
    by: by ?? (auth === 'none' ? 'address' : 'client'),
    isStandIn: applies === 'without-own-quota',
    isShadow: mode === 'shadow',
  }))
}

function cellRate({ limit, windowMs }: Quota, burst = limit): CellRate {
  return { algorithm: 'gcra', burst, intervalMs: windowMs / limit }
}
