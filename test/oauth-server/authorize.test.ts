import t, { type Test } from 'tap'
import { startTestServer } from '../support/oauth-server.ts'
import {
  answerOf,
  createUser,
  parametersFor,
  password,
  redirectUri,
  UserBrowser,
  webApplication,
} from '../support/user-browser.ts'

const api = 'https://api.example/'
const other = 'https://other.example/'

async function start(t: Test) {
  const server = await startTestServer(t)
  const client = await server.create({ ...webApplication, audiences: [api, other] })
  const { user, registry } = await createUser(server, { displayName: 'Anna K.' })
  return { server, client, user, registry, browser: new UserBrowser(server) }
}

t.test('a user signs in, consents, and goes back to the client with a code', async (t) => {
  const { server, client, browser } = await start(t)
  const signIn = await browser.authorize(parametersFor(client, { login_hint: 'anna' }))
  t.equal(signIn.status, 200)
  t.match(signIn.html, /<title>Sign in<\/title>/)
  t.match(signIn.html, /value="anna"/)
  t.match(signIn.html, /Sign in to continue to Web application\./)
  const consent = await browser.submit(signIn, 'login', { decision: 'sign-in', username: 'ANNA', password })
  t.match(consent.html, /Web application asks for access/)
  t.match(consent.html, /You are signed in as Anna K\./)
  t.match(consent.html, /<li><code>user<\/code><\/li>/)
  t.match(consent.html, /go back to app\.example/)
  const back = await browser.submit(consent, 'consent', { decision: 'allow' })
  t.equal(back.status, 303)
  t.match(answerOf(back), { code: /^pac_/, state: 'the state', iss: server.url })
  t.ok(back.location?.startsWith(`${redirectUri}?`))
  const again = await browser.authorize(parametersFor(client))
  t.match(answerOf(again), { code: /^pac_/ }, 'the second time nothing is asked')
})

t.test('what is wrong with a request goes back to the client', async (t) => {
  const { server, client, browser } = await start(t)
  const other = await server.create({ ...webApplication, grantTypes: ['client_credentials'] })
  const wrong: readonly (readonly [changes: Record<string, string | undefined>, error: string])[] = [
    [{ response_type: undefined }, 'invalid_request'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: 'code token' }, 'unsupported_response_type'],
    [{ response_mode: 'fragment' }, 'invalid_request'],
    [{ client_id: other.client.id }, 'unauthorized_client'],
    [{ scope: 'admin' }, 'invalid_scope'],
    [{ scope: 'user  stats' }, 'invalid_scope'],
    [{ scope: '"' }, 'invalid_scope'],
    [{ resource: 'https://elsewhere.example/' }, 'invalid_target'],
    [{ resource: 'not a URI' }, 'invalid_target'],
    [{ prompt: 'none login' }, 'invalid_request'],
    [{ prompt: 'create' }, 'invalid_request'],
    [{ prompt: 'none' }, 'login_required'],
  ]
  for (const [changes, error] of wrong) {
    const page = await browser.authorize(parametersFor(client, changes))
    t.equal(page.status, 303, JSON.stringify(changes))
    t.match(answerOf(page), { error, state: 'the state', iss: server.url }, JSON.stringify(changes))
  }
  for (const name of ['scope', 'response_type', 'code_challenge', 'unknown']) {
    const twice = parametersFor(client, { unknown: 'x' })
    twice.append(name, 'x')
    t.match(answerOf(await browser.authorize(twice)), { error: 'invalid_request', state: 'the state' }, name)
  }
  const states = parametersFor(client)
  states.append('state', 'another')
  const { error, state } = answerOf(await browser.authorize(states))
  t.strictSame({ error, state }, { error: 'invalid_request', state: undefined }, 'of two states none is told')
})

t.test('A9: a request without a challenge, or with one that is not S256, is refused', async (t) => {
  const { client, browser } = await start(t)
  for (const changes of [
    { code_challenge: undefined },
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
    { code_challenge_method: 's256' },
    { code_challenge: 'too-short' },
    { code_challenge: 'x'.repeat(44) },
    { code_challenge: `${'x'.repeat(42)}=` },
  ])
    t.match(
      answerOf(await browser.authorize(parametersFor(client, changes))),
      { error: 'invalid_request', state: 'the state' },
      JSON.stringify(changes),
    )
})

t.test('a user who says no, at either page, goes back with access_denied', async (t) => {
  const { client, user, browser } = await start(t)
  const signIn = await browser.authorize(parametersFor(client))
  const cancelled = await browser.submit(signIn, 'login', { decision: 'cancel' })
  t.match(answerOf(cancelled), { error: 'access_denied', state: 'the state' })
  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client))
  for (const fields of [{ decision: 'deny' }, { decision: 'maybe' }, {}])
    t.match(answerOf(await browser.submit(consent, 'consent', fields)), { error: 'access_denied' })
  t.match(
    (await browser.authorize(parametersFor(client))).html,
    /asks for access/,
    'and nothing is remembered',
  )
})

t.test(
  'consent is remembered for the scopes and resources that were shown, and asked where they grow',
  async (t) => {
    const { client, user, browser } = await start(t)
    await browser.holdSession(user.id)
    const allow = async (changes: Record<string, string | undefined>) =>
      browser.submit(await browser.authorize(parametersFor(client, changes)), 'consent', {
        decision: 'allow',
      })
    const isAsked = async (changes: Record<string, string | undefined>) =>
      (await browser.authorize(parametersFor(client, changes))).location === null
    await allow({ scope: 'user', resource: api })
    t.equal(await isAsked({ scope: 'user', resource: api }), false)
    t.equal(await isAsked({ scope: 'user stats', resource: api }), true)
    t.equal(
      await isAsked({ scope: undefined, resource: api }),
      true,
      'all of the client’s scopes are more than one',
    )
    t.equal(await isAsked({ scope: 'user', resource: other }), true)
    t.equal(await isAsked({ scope: 'user' }), true, 'and so are all of its resources')
    await allow({ scope: 'stats', resource: api })
    t.equal(
      await isAsked({ scope: 'user stats', resource: api }),
      false,
      'what was granted before stays granted',
    )
    t.equal(await isAsked({ scope: 'user', resource: api, prompt: 'consent' }), true)
    const silent = await browser.authorize(parametersFor(client, { resource: other, prompt: 'none' }))
    t.match(answerOf(silent), { error: 'consent_required' })
  },
)

t.test('a client of the house never asks, and one that any program can pass for always does', async (t) => {
  const { server, user, browser } = await start(t)
  await browser.holdSession(user.id)
  const house = await server.create({ ...webApplication, skipsConsent: true })
  t.match(answerOf(await browser.authorize(parametersFor(house))), { code: /^pac_/ })
  const loopback = 'http://127.0.0.1/done'
  const { client } = await server.registry.create(
    {
      name: 'Native',
      roles: [],
      scopes: ['user'],
      quota: { limit: 1, windowMs: 1_000 },
      grantTypes: ['authorization_code'],
      authMethod: 'none',
      redirectUris: [loopback],
    },
    { id: 'tester', address: null },
  )
  const parameters = parametersFor({ client }, { redirect_uri: 'http://127.0.0.1:49152/done' })
  const consent = await browser.authorize(parameters)
  t.match(answerOf(await browser.submit(consent, 'consent', { decision: 'allow' })), { code: /^pac_/ })
  t.match((await browser.authorize(parameters)).html, /asks for access/)
})

t.test('prompt=login asks for the password again, once', async (t) => {
  const { client, user, browser } = await start(t)
  await browser.holdSession(user.id)
  const before = browser.cookie
  const signIn = await browser.authorize(parametersFor(client, { prompt: 'login consent' }))
  t.match(signIn.html, /<title>Sign in/)
  const fields = { decision: 'sign-in', username: 'anna', password }
  const consent = await browser.submit(signIn, 'login', fields)
  t.match(consent.html, /asks for access/)
  t.not(browser.cookie, before)
  t.match(answerOf(await browser.submit(consent, 'consent', { decision: 'allow' })), { code: /^pac_/ })
})

t.test('a request may be posted, and then comes again by GET', async (t) => {
  const { client, browser } = await start(t)
  const page = await browser.post('authorize', Object.fromEntries(parametersFor(client, { state: 'a#b&c' })))
  t.match(page.html, /<title>Sign in/)
  const cancelled = await browser.submit(page, 'login', { decision: 'cancel' })
  t.match(answerOf(cancelled), { error: 'access_denied', state: 'a#b&c' })
  t.equal((await browser.post('authorize?client_id=x', { client_id: 'y' })).status, 400)
})

t.test('pages speak the language that is asked for', async (t) => {
  const { client, browser } = await start(t)
  const titles = { en: 'Sign in', fr: 'Connexion', de: 'Anmelden' } as const
  const asked: readonly (readonly [
    uiLocales: string | undefined,
    acceptLanguage: string,
    language: keyof typeof titles,
  ])[] = [
    [undefined, '', 'en'],
    ['fr', 'de', 'fr'],
    ['nl de-AT fr', 'en', 'de'],
    ['nl', 'fr;q=0.2, de;q=0.8, *', 'de'],
    [undefined, 'fr-CH, fr;q=0.9, en;q=0.8', 'fr'],
    [undefined, 'de;q=0, ;;;, fr;q=9', 'en'],
    ['"><script>', 'x'.repeat(5_000), 'en'],
  ]
  for (const [ui_locales, acceptLanguage, language] of asked) {
    browser.headers['accept-language'] = acceptLanguage
    const { html, headers } = await browser.authorize(parametersFor(client, { ui_locales }))
    t.match(html, `<html lang="${language}">`)
    t.match(html, `<title>${titles[language]}</title>`)
    t.equal(headers.get('content-language'), language)
  }
})

t.test('signing out ends the session, and goes on with the request that it belongs to', async (t) => {
  const { server, client, user, browser } = await start(t)
  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client))
  const signIn = await browser.submit(consent, 'logout', {})
  t.match(signIn.html, /<title>Sign in/)
  t.strictSame(await server.db.selectFrom('sessions').select('hash').execute(), [])
  t.match((await browser.open('/oauth/logout')).html, /You are signed out/)
  await browser.holdSession(user.id)
  const question = await browser.open('/oauth/logout')
  t.match(question.html, /Do you want to sign out/)
  t.match((await browser.submit(question, 'logout', {})).html, /You are signed out/)
  t.match((await browser.authorize(parametersFor(client))).html, /<title>Sign in/)
})

t.test(
  'a session ends when it is not used, after its whole life, and when its user is disabled',
  async (t) => {
    const { server, client, user, registry, browser } = await start(t)
    const isSignedIn = async () =>
      !(await browser.authorize(parametersFor(client))).html.includes('Sign in</title>')
    await browser.holdSession(user.id)
    for (let hours = 0; hours < 11; hours += 1) {
      server.clock.now += 3_600_000 - 1
      t.equal(await isSignedIn(), true, 'it is used once an hour')
    }
    server.clock.now += 3_600_000
    t.equal(await isSignedIn(), false, 'its twelve hours are over, or it was idle for one')
    await browser.holdSession(user.id)
    server.clock.now += 3_600_000
    t.equal(await isSignedIn(), false, 'it was idle for an hour')
    await browser.holdSession(user.id)
    t.equal(await isSignedIn(), true)
    await registry.disable(user.id, { id: 'tester', address: null })
    t.equal(await isSignedIn(), false)
    await registry.enable(user.id, { id: 'tester', address: null })
    t.equal(await isSignedIn(), false, 'and it does not come back')
    await browser.holdSession(user.id)
    await registry.setPassword(user.id, 'another password', { id: 'tester', address: null })
    t.equal(await isSignedIn(), false, 'nor does it outlive its password')
    await browser.holdSession(user.id)
    await server.db.updateTable('users').set({ disabled_at: 1 }).execute()
    t.equal(await isSignedIn(), false, 'a session of a disabled user is dead, wherever it comes from')
  },
)

t.test('a failure of the database is a page that does not say what failed', async (t) => {
  const { server, client, browser } = await start(t)
  await server.db.schema.dropTable('sessions').execute()
  browser.hold(`passerelle-session=pss_${'x'.repeat(43)}`)
  const page = await browser.authorize(parametersFor(client))
  t.equal(page.status, 500)
  t.match(page.html, /The server failed\. Try again later\./)
  t.notMatch(page.html, /sessions|table/)
})
