import type { BackendHeaders } from '../backends/backend-request.ts'
import type { Exchange } from '../exchange.ts'
import type { RouteMatch } from './match-route.ts'
import type { BearerToken, OpenAccess } from './read-bearer-token.ts'
import type { AdmittedCaller } from './throttle-caller.ts'
import type { AdmittedOpenAccess } from './throttle-open-access.ts'

/** A request that has passed all checks. */
interface Passage {
  readonly exchange: Exchange
  readonly match: RouteMatch
  readonly bearer: BearerToken | OpenAccess
}

/** A token in the URL must not travel on in a Referer (RFC 6750 §5.3). */
const noReferrer: readonly string[] = ['Referrer-Policy', 'no-referrer']
const none: readonly string[] = []

/** Forwards the request to the route's backend, which answers the client through the gateway. */
export function answerFromBackend(
  { exchange, match, bearer }: Passage,
  { quota }: AdmittedCaller | AdmittedOpenAccess,
  headers: BackendHeaders,
): void {
  match.route.backend.forward(exchange, {
    path: backendPath(match) + bearer.search,
    headers,
    quota,
    responseFields: bearer.isFromUrl ? noReferrer : none,
    watch: match.route.watches?.get(match.target.path),
  })
}

function backendPath({ route, target }: RouteMatch): string {
  const isStripped = route.stripPrefix && route.prefix !== '/'
  return isStripped ? target.path.slice(route.prefix.length) || '/' : target.path
}
