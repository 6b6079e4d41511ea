import type { FastifyRequest } from 'fastify'
import { hashCredential } from '../credentials.ts'
import { RequestRefused, refusals } from '../errors.ts'
import { AuthenticationLimited } from '../failed-authentications.ts'
import { AuthorizationRefused } from '../grants/authorization-request.ts'
import { usernameKey } from '../store/user-repository.ts'
import { HasherOverloaded } from '../users/password-hasher.ts'
import type { LetIn, SignInAttempt } from '../users/sign-in.ts'
import { askToSignIn, readVisit, signInSubject, type Visit } from './authorize.ts'
import { checkForm, setCookie } from './browser.ts'
import { type EndpointServices, readForm } from './exchange.ts'
import type { Form } from './form.ts'
import { type PageAnswer, type PageEndpoint, seeOther } from './page-answer.ts'

/** How an attempt to sign in ended. A refusal never says why. */
type SignInOutcome =
  | { readonly kind: 'signed-in'; readonly letIn: LetIn }
  | { readonly kind: 'refused' }
  | { readonly kind: 'limited'; readonly waitS: number }

/** `POST /oauth/login`: the sign-in page's form. It leads back to the authorization request that it belongs to. */
export const login: PageEndpoint = async (request, services) => {
  const visit = await readVisit(request, services)
  const form = readForm(request)
  checkForm(request, form, { browser: visit.browser, subject: signInSubject(visit.query), services })
  if (form.get('decision') === 'cancel')
    throw new AuthorizationRefused(visit.asked, 'access_denied', 'The user did not sign in.')
  const username = form.get('username') ?? ''
  const password = form.get('password') ?? ''
  if (username === '' || password === '')
    return { ...askToSignIn(request, visit, { username, fault: { kind: 'missing' } }), status: 400 }
  const address = services.addresses.of(request.raw)
  const credentials = { username, password, address }
  const outcome = await attempt(services, credentials)
  if (outcome.kind !== 'signed-in') return refused(request, { visit, form, outcome })
  const { sessions, signIn } = services.authorization
  const token = await sessions.begin(outcome.letIn.user)
  if (await signIn.isStill(outcome.letIn, credentials)) return signedIn(visit, token, services)
  await sessions.end(token)
  return refused(request, { visit, form, outcome: { kind: 'refused' } })
}

async function attempt(
  { authorization, failures }: EndpointServices,
  credentials: SignInAttempt,
): Promise<SignInOutcome> {
  const { username, address } = credentials
  // A username of any length becomes a key of one length.
  const subject = `user:${hashCredential(usernameKey(username))}`
  try {
    const letIn = await failures.guard({ subject, address }, () => authorization.signIn.attempt(credentials))
    return letIn === undefined ? { kind: 'refused' } : { kind: 'signed-in', letIn }
  } catch (error) {
    if (error instanceof AuthenticationLimited) return { kind: 'limited', waitS: error.waitS }
    if (error instanceof HasherOverloaded) throw new RequestRefused(refusals.tooManySignIns)
    throw error
  }
}

/** A session of its own: whatever the browser held before, and whoever else may know it, is worth nothing now. */
async function signedIn(
  { query, browser }: Visit,
  token: string,
  services: EndpointServices,
): Promise<PageAnswer> {
  await services.authorization.sessions.end(browser.token)
  return seeOther(`authorize?${withoutLoginPrompt(query)}`, setCookie(token, services))
}

function refused(
  request: FastifyRequest,
  refusal: { visit: Visit; form: Form; outcome: Exclude<SignInOutcome, { kind: 'signed-in' }> },
): PageAnswer {
  const { visit, form, outcome } = refusal
  const username = form.get('username') ?? ''
  if (outcome.kind === 'refused')
    return { ...askToSignIn(request, visit, { username, fault: { kind: 'wrong' } }), status: 401 }
  const minutes = Math.ceil(outcome.waitS / 60)
  const page = askToSignIn(request, visit, { username, fault: { kind: 'limited', minutes } })
  const headers = { ...page.headers, 'retry-after': String(outcome.waitS) }
  return { ...page, status: 429, headers }
}

/** The user has just signed in: asking for it again would never end. */
function withoutLoginPrompt(query: string): string {
  const parameters = new URLSearchParams(query)
  const rest = (parameters.get('prompt') ?? '').split(' ').filter((prompt) => prompt !== 'login')
  if (rest.join('') === '') parameters.delete('prompt')
  else parameters.set('prompt', rest.join(' '))
  return parameters.toString()
}
