import { parseRequestTarget, type RequestTarget } from '../backends/request-target.ts'
import type { Route, RouteTable } from '../backends/route-table.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { TokenResolver } from '../tokens/token-resolver.ts'

/** The API that a request is for, and the target that was checked for it: the same that the backend gets. */
export interface RouteMatch {
  readonly route: Route<TokenResolver>
  readonly target: RequestTarget
}

/** Finds the API that serves the request's path. */
export function matchRoute(routes: RouteTable<TokenResolver>, exchange: Exchange): RouteMatch {
  const target = parseRequestTarget(exchange.request.url ?? '')
  exchange.path = target.path
  const route = routes.find(target.path)
  if (route === undefined) throw new GatewayError('route-unknown')
  exchange.routePrefix = route.prefix
  return { route, target }
}
