import type { EntryHeaderRules } from './backends/header-rules.ts'
import type { RouteTable } from './backends/route-table.ts'
import type { IdentityHeaderNames } from './config/settings.ts'
import type { Exchange } from './exchange.ts'
import { answerFromBackend } from './steps/answer-from-backend.ts'
import { checkAccess } from './steps/check-access.ts'
import { injectIdentityHeaders } from './steps/inject-identity-headers.ts'
import { type InquiryMatch, matchInquiry } from './steps/match-inquiry.ts'
import { matchRoute, type RouteMatch } from './steps/match-route.ts'
import { type BearerToken, type OpenAccess, readBearerToken } from './steps/read-bearer-token.ts'
import { resolveToken } from './steps/resolve-token.ts'
import { type EntryHeaders, stripIdentityHeaders } from './steps/strip-identity-headers.ts'
import { tellCaller } from './steps/tell-caller.ts'
import { type AdmittedCaller, throttleCaller } from './steps/throttle-caller.ts'
import { type AdmittedOpenAccess, throttleOpenAccess } from './steps/throttle-open-access.ts'
import type { Throttle } from './throttle/throttle.ts'
import type { TokenMetadata } from './tokens/token-metadata.ts'
import type { TokenResolver } from './tokens/token-resolver.ts'

/** What the request path works with; the same for every request. */
export interface Gateway {
  readonly headerRules: EntryHeaderRules
  readonly headerNames: IdentityHeaderNames
  readonly routes: RouteTable<TokenResolver>
  /** Who says what tokens mean that are for no route. */
  readonly tokens: TokenResolver
  readonly throttle: Throttle
}

interface Arrival {
  readonly gateway: Gateway
  readonly exchange: Exchange
  readonly match: { readonly route: { readonly tokens: TokenResolver } }
}

/** A request that the gateway answers itself. */
interface Inquiry extends Arrival {
  readonly match: InquiryMatch
}

/** What is known of one request for an API once its token, if it needs one, has been read. */
interface Passage extends Arrival {
  readonly entry: EntryHeaders
  readonly match: RouteMatch
  readonly bearer: BearerToken | OpenAccess
}

/**
 * THE REQUEST PATH. It runs without a promise from the parsed request to the first byte sent to the backend, unless
 * somebody must be asked what the token means or whether the quota has room; then it goes on where it stopped. Throws what
 * fails before that, and hands what fails later to the exchange's error handler.
 */
export function handleRequest(gateway: Gateway, exchange: Exchange): void {
  const entry = stripIdentityHeaders(exchange.request, gateway.headerRules)
  const inquiry = matchInquiry(gateway, exchange)
  if (inquiry !== undefined) {
    identify({ gateway, exchange, match: inquiry }, readBearerToken(inquiry, entry), tell)
    return
  }
  const match = matchRoute(gateway.routes, exchange)
  const bearer = readBearerToken(match, entry)
  const passage = { gateway, exchange, entry, match, bearer }
  if (bearer.token === undefined) admitOpen(passage, bearer)
  else identify(passage, bearer, admit)
}

function admitOpen(passage: Passage, access: OpenAccess): void {
  const admitted = throttleOpenAccess(passage.gateway.throttle, passage, access)
  if (admitted instanceof Promise) resume(passage, admitted, answer)
  else answer(passage, admitted)
}

function identify<P extends Arrival>(
  passage: P,
  bearer: BearerToken,
  next: (passage: P, metadata: TokenMetadata) => void,
): void {
  const metadata = resolveToken(passage.match.route.tokens, passage.exchange, bearer)
  if (metadata instanceof Promise) resume(passage, metadata, next)
  else next(passage, metadata)
}

function tell({ gateway, exchange, match }: Inquiry, metadata: TokenMetadata): void {
  exchange.client = metadata.client
  tellCaller({ throttle: gateway.throttle, exchange, match }, metadata).catch((error: unknown) =>
    exchange.fail(error),
  )
}

function admit(passage: Passage, metadata: TokenMetadata): void {
  const { gateway, exchange, match } = passage
  const { throttle } = gateway
  exchange.client = metadata.client
  const caller = checkAccess({ route: match.route, exchange, throttle }, metadata)
  const admitted = throttleCaller(throttle, exchange, caller)
  if (admitted instanceof Promise) resume(passage, admitted, answer)
  else answer(passage, admitted)
}

function answer(passage: Passage, access: AdmittedCaller | AdmittedOpenAccess): void {
  const headers = injectIdentityHeaders(passage, access, passage.gateway.headerNames)
  answerFromBackend(passage, access, headers)
}

/** Goes on with the path once an answer is there. Nobody waits any more when the client has gone meanwhile. */
function resume<P extends Arrival, T>(
  passage: P,
  pending: Promise<T>,
  next: (passage: P, value: T) => void,
): void {
  const { exchange } = passage
  pending
    .then((value) => {
      if (!exchange.response.destroyed) next(passage, value)
    })
    .catch((error: unknown) => exchange.fail(error))
}
