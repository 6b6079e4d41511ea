import type { RuleBroken } from '../../common/config-file.ts'
import { durationInMs } from '../../common/duration.ts'
import { type ListenAddress, listenAddress } from '../../common/listen-address.ts'
import { isWithinPrefix } from '../../common/path-prefix.ts'
import type { GatewayConfig, LimitConfig, ProviderConfig, RouteConfig } from './options.ts'
import { ownPrefix } from './settings.ts'

/** The rules that span several options. It reports what is broken and changes nothing. */
export function checkAcrossOptions(config: GatewayConfig): readonly RuleBroken[] {
  return [
    ...checkListeners(config),
    ...checkIdentities(config),
    ...checkHeaderNames(config),
    ...Object.entries(config.routes).flatMap(([prefix, route]) => [...checkRoute(prefix, route)]),
  ]
}

function* checkListeners(config: GatewayConfig): Iterable<RuleBroken> {
  const [listen, admin] = [listenAddress(config.listen), listenAddress(config.admin)]
  const isSameHost = listen.host === admin.host || isWildcard(listen) || isWildcard(admin)
  if (listen.port === 0 || listen.port !== admin.port || !isSameHost) return
  yield { path: ['admin'], rule: 'must differ from listen: clients must never reach the admin listener' }
}

/** Whether the address stands for every one of the machine. */
function isWildcard({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || host === '::'
}

function* checkIdentities(config: GatewayConfig): Iterable<RuleBroken> {
  const named = Object.entries(config.identityProviders)
  const all = named.map(([name, provider]) => ({ path: ['identityProviders', name], provider }))
  if (config.identity !== undefined) all.push({ path: ['identity'], provider: config.identity })
  for (const { path, provider } of all) {
    yield* checkProvider(path, provider)
    yield* checkEndpoints(path, provider, Object.keys(config.routes))
  }
  for (const [prefix, route] of Object.entries(config.routes)) {
    if (route.auth === 'none') continue
    if (route.identity === undefined) {
      if (config.identity === undefined)
        yield { path: ['identity'], rule: `is required, because the route ${prefix} needs a token` }
    } else if (!Object.hasOwn(config.identityProviders, route.identity)) {
      const known = named.map(([name]) => name).join(', ') || 'none'
      yield {
        path: ['routes', prefix, 'identity'],
        rule: `must be the name of one of the identityProviders, of which there are: ${known}`,
      }
    }
  }
}

function* checkProvider(path: readonly string[], provider: ProviderConfig): Iterable<RuleBroken> {
  const protocols = [provider.verify, provider.introspect, provider.jwt].filter((part) => part !== undefined)
  if (provider.jwt !== undefined) yield* checkKeyAges([...path, 'jwt'], provider.jwt)
  if (protocols.length === 1) return
  yield {
    path,
    rule: `must have ${protocols.length === 0 ? 'one' : 'only one'} of verify, introspect and jwt`,
  }
}

/** Less than a minute would leave no keys at all while the issuer is asked. */
function* checkKeyAges(
  path: readonly string[],
  { keysMaxAge, keysMaxStale }: NonNullable<ProviderConfig['jwt']>,
): Iterable<RuleBroken> {
  const staleMs = durationInMs(keysMaxStale)
  if (staleMs >= 60_000 && staleMs >= durationInMs(keysMaxAge)) return
  yield { path: [...path, 'keysMaxStale'], rule: 'must be at least 1m, and no shorter than keysMaxAge' }
}

/** A path that no route serves is never seen passing. */
function* checkEndpoints(
  path: readonly string[],
  { tokenEndpoint, revocationEndpoint }: ProviderConfig,
  prefixes: readonly string[],
): Iterable<RuleBroken> {
  for (const [option, endpoint] of Object.entries({ tokenEndpoint, revocationEndpoint })) {
    if (endpoint !== undefined && !prefixes.some((prefix) => isWithinPrefix(endpoint, prefix)))
      yield { path: [...path, option], rule: 'must be a path that one of the routes serves' }
  }
  if (tokenEndpoint !== undefined && tokenEndpoint === revocationEndpoint)
    yield { path: [...path, 'revocationEndpoint'], rule: 'must differ from tokenEndpoint' }
}

function* checkHeaderNames(config: GatewayConfig): Iterable<RuleBroken> {
  const seen = new Set<string>()
  for (const [option, name] of Object.entries(config.headers)) {
    if (seen.has(name.toLowerCase())) {
      yield { path: ['headers', option], rule: 'must differ from the other identity headers' }
    }
    if (ownHeaders.has(name.toLowerCase())) {
      yield {
        path: ['headers', option],
        rule: 'must be a header of its own: this one has a meaning in HTTP already',
      }
    }
    seen.add(name.toLowerCase())
  }
}

/** Headers that HTTP or the gateway fills: an identity under such a name would be lost or would break the request. */
const ownHeaders = new Set([
  ...[
    'accept',
    'accept-charset',
    'accept-encoding',
    'accept-language',
    'authorization',
    'cache-control',
    'connection',
  ],
  ...[
    'content-encoding',
    'content-language',
    'content-length',
    'content-location',
    'content-range',
    'content-type',
  ],
  ...[
    'cookie',
    'date',
    'expect',
    'forwarded',
    'host',
    'if-match',
    'if-modified-since',
    'if-none-match',
    'if-range',
  ],
  ...['if-unmodified-since', 'keep-alive', 'max-forwards', 'origin', 'pragma', 'proxy-authorization'],
  ...[
    'proxy-connection',
    'range',
    'referer',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'user-agent',
    'via',
  ],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'x-request-id'],
])

function* checkRoute(prefix: string, route: RouteConfig): Iterable<RuleBroken> {
  const path = ['routes', prefix]
  if (prefix === ownPrefix || prefix.startsWith(`${ownPrefix}/`))
    yield { path, rule: `must not begin with ${ownPrefix}, where the gateway answers itself` }
  if (Array.isArray(route.limit)) {
    for (const [index, limit] of route.limit.entries())
      yield* checkLimit([...path, 'limit', String(index)], limit, route.auth)
  } else if (typeof route.limit === 'object') yield* checkLimit([...path, 'limit'], route.limit, route.auth)
  if (route.auth === 'token') return
  const tokenOptions = [
    ['roles', route.roles.length > 0],
    ['scopes', route.scopes.length > 0],
    ['queryToken', route.queryToken],
    ['identity', route.identity !== undefined],
  ] as const
  for (const [option, isSet] of tokenOptions) {
    if (isSet) yield { path: [...path, option], rule: 'has no effect with auth: none; remove one of the two' }
  }
}

function* checkLimit(
  path: readonly string[],
  limit: LimitConfig,
  auth: RouteConfig['auth'],
): Iterable<RuleBroken> {
  if (limit.burst !== undefined && limit.algorithm !== 'gcra')
    yield { path: [...path, 'burst'], rule: 'has no effect without algorithm: gcra' }
  if (auth === 'token') return
  if (limit.by !== undefined && limit.by !== 'address')
    yield { path: [...path, 'by'], rule: 'must be address, because with auth: none nobody says who they are' }
  if (limit.applies === 'without-own-quota')
    yield { path: [...path, 'applies'], rule: 'has no effect with auth: none; remove one of the two' }
}
