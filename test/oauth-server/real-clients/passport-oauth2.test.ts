/*
 * passport-oauth2, by which most Node applications sign users in, against the server: the strategy runs in a small web
 * application of its own, which a user's browser visits.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Strategy, type StrategyOptions } from 'passport-oauth2'
import t, { type Test } from 'tap'
import {
  basic,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../../support/oauth-server.ts'
import { createUser, signInAndConsent, webApplication } from '../../support/user-browser.ts'

/** What the strategy hands to the application that uses it. */
interface SignedIn {
  readonly accessToken: string
  readonly refreshToken: string
}

/** A web application on a port of its own; the strategy is set once its address is known. */
interface Application {
  readonly url: string
  strategy: Strategy | undefined
}

/** What passport gives a strategy to act by for one request. */
function act(strategy: Strategy, request: IncomingMessage, response: ServerResponse): void {
  const answer = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body))
  const acting = Object.assign(Object.create(strategy) as Strategy, {
    success: (user: SignedIn) => void answer(200, user),
    fail: (challenge: object) => void answer(403, challenge ?? {}),
    redirect: (url: string) => void response.writeHead(302, { location: url }).end(),
    error: (error: Error) => void answer(500, { ...error, name: error.name, message: error.message }),
  })
  acting.authenticate(request as Parameters<Strategy['authenticate']>[0])
}

/** One visitor, whose session it keeps; `query` is what Express would add to the request. */
async function startApplication(t: Test): Promise<Application> {
  const session = {}
  const server: Server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', application.url)
    Object.assign(request, { session, query: Object.fromEntries(searchParams) })
    if (application.strategy !== undefined) act(application.strategy, request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void server.close())
  const application: Application = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    strategy: undefined,
  }
  return application
}

function strategyFor(
  server: TestServer,
  application: Application,
  options: Pick<StrategyOptions, 'clientID' | 'clientSecret'>,
): Strategy {
  const all: StrategyOptions = {
    ...options,
    authorizationURL: `${server.url}/oauth/authorize`,
    tokenURL: `${server.url}/oauth/token`,
    callbackURL: `${application.url}/signed-in`,
    scope: ['user'],
    state: true,
    pkce: true,
  }
  return new Strategy(
    all,
    // biome-ignore lint/complexity/useMaxParams: the strategy counts them to know what to hand over
    (accessToken: string, refreshToken: string, _profile: unknown, done: (e: null, user: SignedIn) => void) =>
      done(null, { accessToken, refreshToken }),
  )
}

/** The visitor follows the application's link and comes back from the server to the place that is returned. */
async function comeBack(server: TestServer, application: Application): Promise<URL> {
  const link = (await fetch(application.url, { redirect: 'manual' })).headers.get('location')
  return signInAndConsent(server, link ?? '')
}

t.test('A7, A9: an application signs its users in by code and PKCE', async (t) => {
  const server = await startTestServer(t)
  const { user } = await createUser(server)
  const gateway = await server.create(resourceServer)
  const application = await startApplication(t)
  const redirectUris = [`${application.url}/signed-in`]
  const secretClient = await server.create({ ...webApplication, redirectUris })
  const publicClient = await server.registry.create(
    { ...secretClient.client, authMethod: 'none', redirectUris },
    tester,
  )
  for (const [kind, { client, secret }] of [
    ['confidential', secretClient],
    ['public', publicClient],
  ] as const) {
    application.strategy = strategyFor(server, application, {
      clientID: client.id,
      clientSecret: secret ?? '',
    })
    const answer = await fetch(await comeBack(server, application))
    t.equal(answer.status, 200, kind)
    const signedIn = (await answer.json()) as SignedIn
    t.match(signedIn, { accessToken: /^pat_/, refreshToken: /^prt_/ }, kind)
    const found = await server.post('/oauth/introspect', { token: signedIn.accessToken }, basic(gateway))
    t.match(await found.json(), { active: true, client_id: client.id, sub: user.id, scope: 'user' }, kind)
  }
})

t.test('the application learns by the standard’s words why a sign-in failed', async (t) => {
  const server = await startTestServer(t)
  await createUser(server)
  const application = await startApplication(t)
  const { client, secret } = await server.create({
    ...webApplication,
    redirectUris: [`${application.url}/signed-in`],
  })
  application.strategy = strategyFor(server, application, { clientID: client.id, clientSecret: secret })
  const tampered = await comeBack(server, application)
  tampered.searchParams.set('code', 'pac_made-up')
  const refused = await fetch(tampered)
  t.match(await refused.json(), { name: 'TokenError', code: 'invalid_grant' })
  t.equal((await fetch(await comeBack(server, application))).status, 200)

  const mistaken = { clientID: client.id, clientSecret: 'psk_wrong' }
  application.strategy = strategyFor(server, application, mistaken)
  const unauthenticated = await fetch(await comeBack(server, application))
  t.match(await unauthenticated.json(), { name: 'TokenError', code: 'invalid_client' })
})
