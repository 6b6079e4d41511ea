import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Refusal, RequestRefused, refusals } from '../errors.ts'
import { AuthorizationRefused, type Target } from '../grants/authorization-request.ts'
import { problemPage } from '../pages/pages.ts'
import { styleSource } from '../pages/style.ts'
import { chooseLanguage, type Language, type Problem } from '../pages/texts.ts'
import { type EndpointServices, queryOf } from './exchange.ts'
import { parseParameters } from './form.ts'

/** What a browser gets: a page, or a place to go to. */
export interface PageAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Nothing for a redirect. */
  readonly body?: string
  /** Where the page's forms may lead, besides here: an origin or a scheme. */
  readonly formTarget?: string
}

/** Answers a browser, or throws `RequestRefused`. */
export type PageEndpoint = (request: FastifyRequest, services: EndpointServices) => Promise<PageAnswer>

/**
 * Answers a browser. What is wrong goes back to the client where the request said where to, and is a page otherwise;
 * `refusalOf` tells what a failure looks like.
 */
export async function sendPage(
  reply: FastifyReply,
  making: Promise<PageAnswer>,
  { issuer, refusalOf }: { issuer: string; refusalOf: (error: Error) => Refusal },
): Promise<FastifyReply> {
  const answer = await making.catch((error: Error) =>
    error instanceof AuthorizationRefused
      ? redirectWithError(error, issuer)
      : problemAnswer(reply.request, refusalOf(error)),
  )
  return reply
    .code(answer.status)
    .headers({ ...pageHeaders(answer), ...answer.headers })
    .send(answer.body ?? '')
}

/**
 * Nothing but the style sheet is loaded, nothing runs, and nobody frames the page. Chromium holds `form-action` also
 * against where a form's answer redirects to, so that the client's own place has to be named.
 */
function pageHeaders({ formTarget }: PageAnswer): Record<string, string> {
  const formAction = formTarget === undefined ? "'self'" : `'self' ${formTarget}`
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src ${styleSource}; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  }
}

/** A page in the language that it was asked in. */
export function htmlAnswer(body: string, more: Omit<PageAnswer, 'body' | 'status'> = {}): PageAnswer {
  return { status: 200, body, ...more }
}

/** 303 makes a POST a GET: a 307 would hand the password to the client (RFC 9700 §4.12). */
export function seeOther(location: string, headers: Readonly<Record<string, string>> = {}): PageAnswer {
  return { status: 303, headers: { ...headers, location } }
}

/** Sends the browser back to the client, with `state` as it was given and `iss` (RFC 9207 §2). */
export function redirectToClient(
  { redirectUri, state }: Target,
  parameters: Readonly<Record<string, string>>,
  issuer: string,
): PageAnswer {
  const all = { ...parameters, ...(state !== undefined && { state }), iss: issuer }
  // The URI's own query stays as it is (RFC 6749 §3.1.2).
  const separator = redirectUri.includes('?') ? '&' : '?'
  return seeOther(`${redirectUri}${separator}${new URLSearchParams(all)}`)
}

function redirectWithError({ target, code, message }: AuthorizationRefused, issuer: string): PageAnswer {
  return redirectToClient(target, { error: code, error_description: message }, issuer)
}

/** The language of the answer to a request, of `ui_locales` where the query has it and is well-formed. */
export function languageOf(request: FastifyRequest): Language {
  const { 'accept-language': acceptLanguage } = request.headers
  try {
    return chooseLanguage(parseParameters(queryOf(request)).get('ui_locales')?.[0], acceptLanguage)
  } catch (error) {
    if (error instanceof RequestRefused) return chooseLanguage(undefined, acceptLanguage)
    throw error
  }
}

const problemByRefusal: ReadonlyMap<Refusal, Problem> = new Map<Refusal, Problem>([
  [refusals.unknownClient, 'unknownClient'],
  [refusals.unknownRedirectUri, 'unknownRedirectUri'],
  [refusals.staleForm, 'staleForm'],
  [refusals.tooManySignIns, 'overloaded'],
  [refusals.unavailable, 'overloaded'],
])

function problemAnswer(request: FastifyRequest, refusal: Refusal): PageAnswer {
  const language = languageOf(request)
  const problem = problemByRefusal.get(refusal) ?? (refusal.status >= 500 ? 'failed' : 'badRequest')
  const query = queryOf(request)
  const again = problem === 'staleForm' && query !== '' ? `authorize?${query}` : undefined
  const detail = `${refusal.error}: ${refusal.description}`
  return {
    status: refusal.status,
    headers: { ...refusal.headers, 'content-language': language },
    body: problemPage({ language, problem, detail, again }),
  }
}
