import { parseRequestTarget, type RequestTarget } from '../backends/request-target.ts'
import type { Route, RouteTable } from '../backends/route-table.ts'
import { ownPrefix } from '../config/settings.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { TokenResolver } from '../tokens/token-resolver.ts'

/** A request that the gateway answers itself, about whoever sends it. */
export interface InquiryMatch {
  /** What is asked of its token. */
  readonly route: {
    readonly auth: 'token'
    readonly queryToken: false
    /** Who says what the token means. */
    readonly tokens: TokenResolver
  }
  readonly target: RequestTarget
  /** The route whose limits are asked about too. */
  readonly about: Route<TokenResolver> | undefined
}

interface InquiryServices {
  readonly routes: RouteTable<TokenResolver>
  /** Who says what a token means that is for no route. */
  readonly tokens: TokenResolver
}

const inquiryPath = `${ownPrefix}/me`

/** Tells requests for the gateway itself from those for an API: `undefined` for the latter. */
export function matchInquiry(
  { routes, tokens }: InquiryServices,
  exchange: Exchange,
): InquiryMatch | undefined {
  const { url = '', method = '' } = exchange.request
  if (!url.startsWith(ownPrefix)) return undefined
  const target = parseRequestTarget(url)
  if (target.path !== ownPrefix && !target.path.startsWith(`${ownPrefix}/`)) return undefined
  exchange.path = target.path
  if (target.path !== inquiryPath) throw new GatewayError('route-unknown')
  exchange.routePrefix = inquiryPath
  if (method !== 'GET' && method !== 'HEAD')
    throw new GatewayError('method-refused', { headers: ['Allow', 'GET, HEAD'] })
  const about = routeAskedFor(routes, target)
  return {
    route: { auth: 'token', queryToken: false, tokens: about?.tokens ?? tokens },
    target,
    about,
  }
}

/** `?route=/api1`: a partner knows the path that it calls, not the provider that its tokens come from. */
function routeAskedFor(
  routes: RouteTable<TokenResolver>,
  { search }: RequestTarget,
): Route<TokenResolver> | undefined {
  const path = new URLSearchParams(search).get('route')
  if (path === null) return undefined
  const route = path.startsWith('/') ? routes.find(path) : undefined
  if (route === undefined || route.auth === 'none') throw new GatewayError('route-unknown')
  return route
}
