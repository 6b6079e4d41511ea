import type { FastifyRequest } from 'fastify'
import { RequestRefused, refusals } from '../errors.ts'
import {
  AuthorizationRefused,
  type AuthorizationRequest,
  mayRememberConsent,
} from '../grants/authorization-request.ts'
import { consentPage, type SignInFault, signInPage } from '../pages/pages.ts'
import type { User } from '../store/user-repository.ts'
import type { WantedConsent } from '../users/consents.ts'
import { type Browser, type FormSubject, formToken, readBrowser } from './browser.ts'
import { type EndpointServices, queryOf } from './exchange.ts'
import { parseParameters } from './form.ts'
import {
  htmlAnswer,
  languageOf,
  type PageAnswer,
  type PageEndpoint,
  redirectToClient,
  seeOther,
} from './page-answer.ts'

/** An authorization request as a browser brings it: the pages' forms carry its query along. */
export interface Visit {
  readonly query: string
  readonly asked: AuthorizationRequest
  readonly browser: Browser
}

/**
 * `GET /oauth/authorize` (RFC 6749 §3.1): has the user sign in and consent where that is needed, and sends the browser
 * back to the client with a code.
 */
export const authorize: PageEndpoint = async (request, services) => {
  const visit = await readVisit(request, services)
  const { asked, browser } = visit
  const isSilent = asked.prompts.includes('none')
  if (browser.user === undefined || asked.prompts.includes('login')) {
    if (isSilent) throw new AuthorizationRefused(asked, 'login_required', 'The user has to sign in.')
    return askToSignIn(request, visit, { username: asked.loginHint?.slice(0, 100) ?? '' })
  }
  if (await needsConsent(asked, browser.user, services)) {
    if (isSilent) throw new AuthorizationRefused(asked, 'consent_required', 'The user has to consent.')
    return askToConsent(request, visit, browser.user)
  }
  return sendCode(asked, browser.user, services)
}

/** `POST /oauth/authorize` (RFC 6749 §3.1). A browser that another site has post sends no cookies: it comes again by GET. */
export const authorizeByForm: PageEndpoint = async (request) => {
  if (!Buffer.isBuffer(request.body)) throw new RequestRefused(refusals.notAForm)
  const form = request.body.toString('latin1')
  // Of a parameter in both places one would win in silence.
  if (queryOf(request) !== '') throw new RequestRefused(refusals.repeatedParameter)
  const pairs = [...parseParameters(form)].flatMap(([name, values]) =>
    values.map((value): [string, string] => [name, value]),
  )
  return seeOther(`authorize?${new URLSearchParams(pairs)}`)
}

/** The authorization request in a request's query, and whose browser brings it. */
export async function readVisit(request: FastifyRequest, services: EndpointServices): Promise<Visit> {
  const query = queryOf(request)
  const asked = await services.authorization.requests.read(parseParameters(query))
  request.setDecorator('clientId', asked.client.id)
  return { query, asked, browser: await readBrowser(request, services) }
}

/** Gives the browser a code to bring to the client. */
export async function sendCode(
  asked: AuthorizationRequest,
  user: User,
  services: EndpointServices,
): Promise<PageAnswer> {
  const { codes, authorizationCodeLifetimeMs } = services.authorization
  const code = await codes.issue(asked, user, authorizationCodeLifetimeMs)
  return redirectToClient(asked, { code }, services.issuer())
}

/** Shows the sign-in page, with what is in it already. */
export function askToSignIn(
  request: FastifyRequest,
  { query, asked, browser }: Visit,
  { username, fault }: { readonly username: string; readonly fault?: SignInFault },
): PageAnswer {
  const language = languageOf(request)
  const form = { action: `login?${query}`, token: formToken(browser, signInSubject(query)) }
  const body = signInPage({
    language,
    clientName: asked.client.name,
    form,
    username,
    ...(fault && { fault }),
  })
  const headers = { ...browser.headers, 'content-language': language }
  return htmlAnswer(body, { headers, formTarget: formTargetOf(asked.redirectUri) })
}

function askToConsent(request: FastifyRequest, { query, asked, browser }: Visit, user: User): PageAnswer {
  const language = languageOf(request)
  const body = consentPage({
    language,
    clientName: asked.client.name,
    userName: user.displayName,
    scope: asked.scope,
    resources: asked.audience,
    place: placeOf(asked.redirectUri),
    form: { action: `consent?${query}`, token: formToken(browser, consentSubject(query, asked, user)) },
    signOut: { action: `logout?${query}`, token: formToken(browser, signOutSubject) },
  })
  return htmlAnswer(body, {
    headers: { 'content-language': language },
    formTarget: formTargetOf(asked.redirectUri),
  })
}

async function needsConsent(
  asked: AuthorizationRequest,
  user: User,
  services: EndpointServices,
): Promise<boolean> {
  if (asked.client.skipsConsent) return false
  if (asked.prompts.includes('consent') || !mayRememberConsent(asked)) return true
  return !(await services.authorization.consents.covers(wantedConsent(asked, user)))
}

export function wantedConsent(asked: AuthorizationRequest, user: User): WantedConsent {
  return { userId: user.id, clientId: asked.client.id, scope: asked.scope, audience: asked.audience }
}

export function signInSubject(query: string): FormSubject {
  return ['sign-in', query]
}

/** What was shown counts: where the client's scopes change meanwhile, the user is asked again. */
export function consentSubject(query: string, asked: AuthorizationRequest, user: User): FormSubject {
  return ['consent', query, user.id, asked.client.name, asked.scope.join(' '), asked.audience.join(' ')]
}

export const signOutSubject: FormSubject = ['sign-out']

/** How a policy names where a redirect URI leads. It has no word for an IPv6 address, nor for a path behind a scheme. */
function formTargetOf(redirectUri: string): string {
  const { protocol, origin, hostname } = new URL(redirectUri)
  return origin === 'null' || hostname.startsWith('[') ? protocol : origin
}

/** What of a redirect URI tells people where they will be: its host, or the scheme of an application. */
function placeOf(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri)
  return /^https?:$/.test(protocol) ? host : protocol
}
