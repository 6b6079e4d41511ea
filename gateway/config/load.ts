import { type ConfigSource, parseConfig, readConfigFile } from '../../common/config-file.ts'
import { durationInMs } from '../../common/duration.ts'
import { listenAddress } from '../../common/listen-address.ts'
import { parseQuota } from '../../common/quota.ts'
import { type GatewayConfig, gatewayConfigSchema } from './options.ts'
import type { GatewaySettings, IdentitySettings, RouteSettings } from './settings.ts'
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
    identity: toIdentity(config.identity),
    headers: config.headers,
    timeouts: {
      identityMs: durationInMs(timeouts.identity),
      connectMs: durationInMs(timeouts.connect),
      headMs: durationInMs(timeouts.head),
      idleMs: durationInMs(timeouts.idle),
      requestMs: durationInMs(timeouts.request),
      keepAliveMs: durationInMs(timeouts.keepAlive),
      shutdownMs: durationInMs(timeouts.shutdown),
    },
    tokenCache: { ttlMs: durationInMs(config.tokenCache.ttl), maxTokens: config.tokenCache.maxTokens },
    logLevel: config.logLevel,
    routes: Object.entries(config.routes).map(([prefix, route]) => toRoute(prefix, route)),
  }
}

function toIdentity(identity: GatewayConfig['identity']): IdentitySettings | undefined {
  if (identity?.introspect !== undefined) {
    const { url, ...credentials } = identity.introspect
    return { kind: 'introspect', url, credentials }
  }
  if (identity?.verify === undefined) return undefined
  if (typeof identity.verify === 'string')
    return { kind: 'verify', url: identity.verify, credentials: undefined }
  const { url, ...credentials } = identity.verify
  return { kind: 'verify', url, credentials }
}

function toRoute(prefix: string, route: GatewayConfig['routes'][string]): RouteSettings {
  return { ...route, prefix, limit: route.limit === undefined ? undefined : parseQuota(route.limit) }
}
