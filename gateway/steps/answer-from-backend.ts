import type { BackendHeaders } from '../backends/backend-request.ts'
import type { Exchange } from '../exchange.ts'
import { rateLimitFieldNames, rateLimitFields } from '../throttle/ledger.ts'
import type { RouteMatch } from './match-route.ts'
import type { OpenAccess } from './read-bearer-token.ts'
import type { AdmittedCaller } from './throttle-caller.ts'

/** A request that has passed all checks. */
interface Passage {
  readonly exchange: Exchange
  readonly match: RouteMatch
  /** The query without a token. */
  readonly search: string
}

const none: ReadonlySet<string> = new Set()

/** Forwards the request to the route's backend, which answers the client through the gateway. */
export function answerFromBackend(
  { exchange, match, search }: Passage,
  access: AdmittedCaller | OpenAccess,
  headers: BackendHeaders,
): void {
  const allowance = 'caller' in access ? access.allowance : undefined
  match.route.backend.forward(exchange, {
    path: backendPath(match) + search,
    headers,
    responseFields: allowance === undefined ? [] : rateLimitFields(allowance),
    replacedFields: allowance === undefined ? none : rateLimitFieldNames,
  })
}

function backendPath({ route, target }: RouteMatch): string {
  const isStripped = route.stripPrefix && route.prefix !== '/'
  return isStripped ? target.path.slice(route.prefix.length) || '/' : target.path
}
