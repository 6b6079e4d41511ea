import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { RequestRefused, refusals } from '../errors.ts'
import type { User } from '../store/user-repository.ts'
import type { EndpointServices } from './exchange.ts'
import type { Form } from './form.ts'

/** A user's browser, told by the cookie that it holds, and its user where somebody has signed in. */
export interface Browser {
  /** What the cookie holds, or is to hold from now on. */
  readonly token: string
  /** Sets the cookie where the browser has none. */
  readonly headers: Readonly<Record<string, string>>
  readonly user: User | undefined
}

/** What is in a form of a browser: which form, and everything that it says to the user. */
export type FormSubject = readonly [form: 'sign-in' | 'consent' | 'sign-out', ...said: readonly string[]]

/** Tells whose browser a request comes from. */
export async function readBrowser(request: FastifyRequest, services: EndpointServices): Promise<Browser> {
  const { sessions } = services.authorization
  const held = readCookie(request, cookieName(services))
  const token = held ?? sessions.mint()
  return {
    token,
    headers: held === undefined ? setCookie(token, services) : {},
    user: held === undefined ? undefined : await sessions.findUser(held),
  }
}

/** Has the browser hold something else from now on. */
export function setCookie(token: string, services: EndpointServices): Record<string, string> {
  const secure = isSecure(services) ? '; Secure' : ''
  return { 'set-cookie': `${cookieName(services)}=${token}; Path=/; HttpOnly; SameSite=Lax${secure}` }
}

/**
 * What a form carries to prove that this browser was shown it, with exactly this content. Whoever can read the cookie's
 * value needs no forged form, so that it serves as the key.
 */
export function formToken({ token }: Browser, subject: FormSubject): string {
  return createHmac('sha256', token).update(JSON.stringify(subject)).digest('base64url')
}

/**
 * Holds a posted form against the browser that posts it (RFC 6749 §10.12): what the browser itself says of where the
 * form comes from, and the token. Throws {@link RequestRefused}.
 */
export function checkForm(
  request: FastifyRequest,
  form: Form,
  { browser, subject, services }: CheckedForm,
): void {
  const given = Buffer.from(form.get('form_token') ?? '')
  const right = Buffer.from(formToken(browser, subject))
  const isRight = given.length === right.length && timingSafeEqual(given, right)
  if (!isRight || !comesFromHere(request, services)) throw new RequestRefused(refusals.staleForm)
}

/** What a posted form is held against. */
export interface CheckedForm {
  readonly browser: Browser
  readonly subject: FormSubject
  readonly services: EndpointServices
}

/** With `Referrer-Policy: no-referrer` a browser's Origin is `null`, which says nothing; Sec-Fetch-Site still does. */
function comesFromHere(request: FastifyRequest, { issuer }: EndpointServices): boolean {
  const { origin = 'null', 'sec-fetch-site': site = 'same-origin' } = request.headers
  return site === 'same-origin' && (origin === 'null' || origin === new URL(issuer()).origin)
}

/** `__Host-` keeps neighbours under the same domain from setting the cookie (RFC 6265bis §4.1.3.2). */
function cookieName(services: EndpointServices): string {
  return isSecure(services) ? '__Host-passerelle-session' : 'passerelle-session'
}

function isSecure({ issuer }: EndpointServices): boolean {
  return issuer().startsWith('https:')
}

/** The cookie's value; none where it is set twice, because one of the two is somebody else's. */
function readCookie(request: FastifyRequest, name: string): string | undefined {
  const values = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const [value = '', ...others] = values
  return others.length === 0 && /^pss_[A-Za-z0-9]{43}$/.test(value) ? value : undefined
}
