import { createHash, randomBytes } from 'node:crypto'
import type { NewClient } from '../../oauth-server/clients/client-registry.ts'
import { hashCredential, mintCredential } from '../../oauth-server/credentials.ts'
import { PasswordHasher } from '../../oauth-server/users/password-hasher.ts'
import { type NewUser, UserRegistry } from '../../oauth-server/users/user-registry.ts'
import { basic, type ClientWithSecret, type TestServer, tester } from './oauth-server.ts'

export const redirectUri = 'https://app.example/done'

/** A confidential client of the authorization code grant. */
export const webApplication: Partial<NewClient> = {
  name: 'Web application',
  scopes: ['user', 'stats'],
  grantTypes: ['authorization_code', 'refresh_token'],
  redirectUris: [redirectUri],
}

export const verifier = 'a-verifier-of-the-tests-that-is-long-enough-for-it'

export function challengeOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** A hash of "correct horse" at today's cost: tests need not wait for making one. */
const passwordHash =
  '$scrypt$ln=15,r=8,p=3$AAAAAAAAAAAAAAAAAAAAAA$Z1swIuIB4/R2JTJCvP9aHB9pJLsFS/iGSypyGWzDkWE'

export const password = 'correct horse'

/** A user who can sign in with {@link password}. */
export async function createUser(server: TestServer, wanted: Partial<NewUser> = {}) {
  const hasher = new PasswordHasher(randomBytes)
  const registry = new UserRegistry(server.db, { now: () => server.clock.now, hasher })
  const user = await registry.create({ username: 'anna', ...wanted }, tester)
  await server.db
    .updateTable('users')
    .set({ password_hash: passwordHash })
    .where('id', '=', user.id)
    .execute()
  return { user, registry }
}

/** An authorization request's parameters; `undefined` leaves one out. */
export function parametersFor(
  { client }: Pick<ClientWithSecret, 'client'>,
  changes: Readonly<Record<string, string | undefined>> = {},
): URLSearchParams {
  const all = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: redirectUri,
    scope: 'user',
    state: 'the state',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...changes,
  }
  return new URLSearchParams(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )
}

/** A page as a browser without JavaScript sees it. */
export interface ShownPage {
  readonly status: number
  readonly headers: Headers
  readonly html: string
  readonly location: string | null
}

/** A browser without JavaScript: it keeps cookies, and follows redirects within the server. */
export class UserBrowser {
  readonly #server: TestServer
  #cookie: string | undefined
  readonly headers: Record<string, string> = {}

  constructor(server: TestServer) {
    this.#server = server
  }

  get cookie(): string | undefined {
    return this.#cookie
  }

  /** Has the browser hold a session, as after signing in. */
  async holdSession(userId: string): Promise<void> {
    const token = mintCredential('pss', randomBytes)
    const { now } = this.#server.clock
    await this.#server.db
      .insertInto('sessions')
      .values({
        hash: hashCredential(token),
        user_id: userId,
        started_at: now,
        used_at: now,
        expires_at: now + 12 * 3_600_000,
      })
      .execute()
    this.#cookie = `passerelle-session=${token}`
  }

  hold(cookie: string | undefined): void {
    this.#cookie = cookie
  }

  /** Opens a path; within the server redirects are followed, elsewhere the place is told. */
  open(path: string): Promise<ShownPage> {
    return this.#send(new URL(path, this.#server.url), { method: 'GET' })
  }

  authorize(parameters: URLSearchParams): Promise<ShownPage> {
    return this.open(`/oauth/authorize?${parameters}`)
  }

  /** Fills in the page's form whose action begins so, and posts it. */
  submit(page: ShownPage, action: string, fields: Readonly<Record<string, string>>): Promise<ShownPage> {
    const form = formOf(page.html, action)
    return this.post(form.action, { form_token: form.token, ...fields })
  }

  post(path: string, fields: Readonly<Record<string, string>>): Promise<ShownPage> {
    return this.#send(new URL(path, `${this.#server.url}/oauth/`), {
      method: 'POST',
      body: new URLSearchParams(fields),
    })
  }

  async #send(url: URL, init: { method: string; body?: URLSearchParams }): Promise<ShownPage> {
    const headers = { ...this.headers, ...(this.#cookie !== undefined && { cookie: this.#cookie }) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    const html = await response.text()
    for (const cookie of response.headers.getSetCookie()) this.#cookie = cookie.split(';', 1)[0]
    const location = response.headers.get('location')
    const target = location === null ? undefined : new URL(location, url)
    if (response.status === 303 && target !== undefined && target.origin === new URL(this.#server.url).origin)
      return this.#send(target, { method: 'GET' })
    return { status: response.status, headers: response.headers, html, location }
  }
}

/** The action and the token of a page's form. */
export function formOf(html: string, action: string): { readonly action: string; readonly token: string } {
  const [, found, token] =
    new RegExp(
      `<form method="post" action="(${action}[^"]*)">\\s*<input type="hidden" name="form_token" value="([^"]*)">`,
    ).exec(html) ?? []
  if (found === undefined || token === undefined) throw new Error(`the page has no form ${action}: ${html}`)
  return { action: found.replaceAll('&amp;', '&'), token }
}

/** What a redirect to a client carries. */
export function answerOf(page: ShownPage): Record<string, string> {
  if (page.location === null) throw new Error(`no redirect but ${page.status}: ${page.html}`)
  return Object.fromEntries(new URL(page.location).searchParams)
}

/** A code for a user who is signed in and has consented. */
export async function obtainCode(
  server: TestServer,
  { client, userId }: { readonly client: ClientWithSecret; readonly userId: string },
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const browser = new UserBrowser(server)
  await browser.holdSession(userId)
  const page = await browser.authorize(parametersFor(client, changes))
  const answer = page.location === null ? await browser.submit(page, 'consent', { decision: 'allow' }) : page
  const { code } = answerOf(answer)
  if (code === undefined) throw new Error(`no code: ${answer.location}`)
  return code
}

/** A user's way from a link of an application back to it: signs in, consents where that is asked, and is sent to the URL that is returned. */
export async function signInAndConsent(
  server: TestServer,
  link: URL | string,
  username = 'anna',
): Promise<URL> {
  const browser = new UserBrowser(server)
  const { pathname, search } = new URL(link)
  const signIn = await browser.open(pathname + search)
  const signedIn = await browser.submit(signIn, 'login', { username, password })
  // A consent of before is remembered.
  const { location, html } =
    signedIn.location === null ? await browser.submit(signedIn, 'consent', { decision: 'allow' }) : signedIn
  if (location === null) throw new Error(`no redirect to the application: ${html}`)
  return new URL(location)
}

/** Exchanges a code, as its client does. */
export async function exchangeCode(
  server: TestServer,
  client: ClientWithSecret,
  changes: Readonly<Record<string, string | undefined>>,
) {
  const all = {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...changes,
  }
  const form = Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )
  const response = await server.post('/oauth/token', form, basic(client))
  return { status: response.status, body: (await response.json()) as TokenAnswer }
}

export interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token?: string
  readonly scope: string
  readonly error?: string
}
