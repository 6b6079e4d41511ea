import type { BackendHeaders } from '../backends/backend-request.ts'
import type { Exchange } from '../exchange.ts'
import { rateLimitFieldNames, rateLimitFields, type Verdict } from '../throttle/ledger.ts'
import type { RouteMatch } from './match-route.ts'
import type { BearerToken, OpenAccess } from './read-bearer-token.ts'
import type { AdmittedCaller } from './throttle-caller.ts'

/** A request that has passed all checks. */
interface Passage {
  readonly exchange: Exchange
  readonly match: RouteMatch
  readonly bearer: BearerToken | OpenAccess
}

const none: ReadonlySet<string> = new Set()

/** Forwards the request to the route's backend, which answers the client through the gateway. */
export function answerFromBackend(
  { exchange, match, bearer }: Passage,
  access: AdmittedCaller | OpenAccess,
  headers: BackendHeaders,
): void {
  const verdict = 'caller' in access ? access.verdict : undefined
  match.route.backend.forward(exchange, {
    path: backendPath(match) + bearer.search,
    headers,
    responseFields: responseFields(verdict, bearer),
    replacedFields: verdict === undefined ? none : rateLimitFieldNames,
  })
}

/** What is left of the quota; and that a token in the URL must not travel on in a Referer (RFC 6750 §5.3). */
function responseFields(verdict: Verdict | undefined, bearer: BearerToken | OpenAccess): readonly string[] {
  const fields = verdict === undefined ? [] : rateLimitFields(verdict)
  return bearer.isFromUrl ? [...fields, 'Referrer-Policy', 'no-referrer'] : fields
}

function backendPath({ route, target }: RouteMatch): string {
  const isStripped = route.stripPrefix && route.prefix !== '/'
  return isStripped ? target.path.slice(route.prefix.length) || '/' : target.path
}
