import type { RuleBroken } from '../../common/config-file.ts'
import { type ListenAddress, listenAddress } from '../../common/listen-address.ts'
import type { GatewayConfig } from './options.ts'

/** The rules that span several options. It reports what is broken and changes nothing. */
export function checkAcrossOptions(config: GatewayConfig): readonly RuleBroken[] {
  return [
    ...checkListeners(config),
    ...checkIdentity(config),
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

function* checkIdentity(config: GatewayConfig): Iterable<RuleBroken> {
  const { verify, introspect } = config.identity ?? {}
  if (verify !== undefined && introspect !== undefined) {
    yield { path: ['identity'], rule: 'must have either verify or introspect, not both' }
  }
  if (verify !== undefined || introspect !== undefined) return
  if (config.identity !== undefined) yield { path: ['identity'], rule: 'must have verify or introspect' }
  const protectedRoute = Object.entries(config.routes).find(([, route]) => route.auth === 'token')
  if (config.identity === undefined && protectedRoute !== undefined) {
    yield { path: ['identity'], rule: `is required, because the route ${protectedRoute[0]} needs a token` }
  }
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

function* checkRoute(prefix: string, route: GatewayConfig['routes'][string]): Iterable<RuleBroken> {
  if (route.auth === 'token') return
  const tokenOptions = [
    ['roles', route.roles.length > 0],
    ['scopes', route.scopes.length > 0],
    ['queryToken', route.queryToken],
    ['limit', route.limit !== undefined],
  ] as const
  for (const [option, isSet] of tokenOptions) {
    if (isSet)
      yield { path: ['routes', prefix, option], rule: 'has no effect with auth: none; remove one of the two' }
  }
}
