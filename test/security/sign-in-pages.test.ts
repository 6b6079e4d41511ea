/**
 * The attacks on the pages where users give their password and their consent: forged forms (RFC 6749 §10.12), framing
 * (§10.13), session fixation, scripts in what others may choose, codes of one user brought to another's session, and
 * passwords tried out.
 */
import t, { type Test } from 'tap'
import { startTestServer } from '../support/oauth-server.ts'
import {
  answerOf,
  createUser,
  exchangeCode,
  formOf,
  obtainCode,
  parametersFor,
  password,
  type ShownPage,
  UserBrowser,
  webApplication,
} from '../support/user-browser.ts'

async function start(t: Test, overrides = {}) {
  const server = await startTestServer(t, overrides)
  const client = await server.create(webApplication)
  const { user, registry } = await createUser(server)
  return { server, client, user, registry, browser: new UserBrowser(server) }
}

const rightFields = { decision: 'sign-in', username: 'anna', password }

t.test('A11: every page forbids framing, scripts, referrers and caches', async (t) => {
  const { client, user, browser } = await start(t)
  const pages: ShownPage[] = [
    await browser.authorize(parametersFor(client)),
    await browser.open('/oauth/authorize?client_id=nobody'),
    await browser.post('login', {}),
    await browser.post('consent', {}),
    await browser.post('login', { x: 'x'.repeat(9_000) }),
    await browser.open('/oauth/logout'),
  ]
  await browser.holdSession(user.id)
  pages.push(await browser.authorize(parametersFor(client)), await browser.open('/oauth/logout'))
  pages.push(await browser.authorize(parametersFor(client, { scope: 'admin' })))
  for (const { html, headers } of pages) {
    const policy = headers.get('content-security-policy') ?? ''
    t.match(policy, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; form-action 'self'/)
    t.match(policy, /; frame-ancestors 'none'; base-uri 'none'$/)
    t.equal(headers.get('x-frame-options'), 'DENY')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('access-control-allow-origin'), null)
    t.notMatch(html, /<script|\son\w+=|javascript:/i)
  }
})

t.test('A11: a form is taken from the browser that it was shown to, and for what it said', async (t) => {
  const { server, client, user, browser } = await start(t)
  const other = await server.create(webApplication)
  const attacker = new UserBrowser(server)
  const theirs = await attacker.authorize(parametersFor(client))
  const signIn = await browser.authorize(parametersFor(client))
  const { action, token } = formOf(signIn.html, 'login')
  const stolen = formOf(theirs.html, 'login').token
  const forged = [
    { ...rightFields },
    { ...rightFields, form_token: stolen },
    { ...rightFields, form_token: `${token}x` },
    { ...rightFields, form_token: token.slice(0, -1) },
  ]
  for (const fields of forged) t.equal((await browser.post(action, fields)).status, 403)
  const elsewhere = `login?${parametersFor(client, { scope: 'user stats' })}`
  t.equal((await browser.post(elsewhere, { ...rightFields, form_token: token })).status, 403)
  browser.hold(undefined)
  t.equal(
    (await browser.post(action, { ...rightFields, form_token: token })).status,
    403,
    'no cookie, no form',
  )
  t.strictSame(await server.db.selectFrom('sessions').select('hash').execute(), [])

  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client))
  const shown = formOf(consent.html, 'consent')
  const wider = `consent?${parametersFor(client, { scope: 'user stats' })}`
  const foreign = `consent?${parametersFor(other)}`
  for (const place of [wider, foreign])
    t.equal((await browser.post(place, { form_token: shown.token, decision: 'allow' })).status, 403)
  for (const form_token of ['', token, formOf(consent.html, 'logout').token])
    t.equal((await browser.post(shown.action, { form_token, decision: 'allow' })).status, 403)
  t.equal((await browser.post('logout', {})).status, 403, 'nor is anybody signed out by others')
  t.match((await browser.submit(consent, 'consent', { decision: 'allow' })).status, 303)
})

t.test('A11: a consent form grants what was shown, whatever the client may ask for by now', async (t) => {
  const { server, client, user, browser } = await start(t)
  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client, { scope: undefined }))
  await server.db.updateTable('clients').set({ scopes: 'admin stats user' }).execute()
  const answer = await browser.submit(consent, 'consent', { decision: 'allow' })
  t.equal(answer.status, 403)
  t.match(answer.html, /Begin again/)
})

t.test('A11: a form that another site posts is refused by what the browser says of it', async (t) => {
  const { server, client, user, browser } = await start(t)
  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client))
  const strangers: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { origin: server.url.replace('http:', 'https:') },
  ]
  for (const headers of strangers) {
    Object.assign(browser.headers, headers)
    const answer = await browser.submit(consent, 'consent', { decision: 'allow' })
    t.equal(answer.status, 403, JSON.stringify(headers))
    for (const name of Object.keys(browser.headers)) delete browser.headers[name]
  }
  Object.assign(browser.headers, { origin: 'null', 'sec-fetch-site': 'same-origin' })
  t.equal((await browser.submit(consent, 'consent', { decision: 'allow' })).status, 303)
})

t.test(
  'A11: the session cookie is out of reach, and bound to this host where the issuer is https',
  async (t) => {
    const { client, browser } = await start(t)
    const page = await browser.authorize(parametersFor(client))
    t.match(
      page.headers.get('set-cookie'),
      /^passerelle-session=pss_\w{43}; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const secure = await start(t, { issuer: 'https://login.example' })
    const { headers } = await secure.browser.authorize(parametersFor(secure.client))
    t.match(
      headers.get('set-cookie'),
      /^__Host-passerelle-session=pss_\w{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    )
  },
)

t.test('A11: a session that was known before signing in is worth nothing afterwards', async (t) => {
  const { server, client, browser } = await start(t)
  const attacker = new UserBrowser(server)
  await attacker.authorize(parametersFor(client))
  browser.hold(attacker.cookie)
  const signIn = await browser.authorize(parametersFor(client))
  const consent = await browser.submit(signIn, 'login', rightFields)
  t.match(consent.html, /asks for access/)
  t.not(browser.cookie, attacker.cookie)
  t.match((await attacker.authorize(parametersFor(client))).html, /<title>Sign in/)
  const before = new UserBrowser(server)
  before.hold(browser.cookie)
  const again = await browser.authorize(parametersFor(client, { prompt: 'login' }))
  await browser.submit(again, 'login', rightFields)
  t.match((await before.authorize(parametersFor(client))).html, /<title>Sign in/, 'the old session has ended')
  for (const cookie of [
    `${browser.cookie}; ${attacker.cookie}`,
    `passerelle-session=${'x'.repeat(47)}`,
    'passerelle-session=',
    browser.cookie?.replace('session=', 'session=x'),
  ]) {
    before.hold(cookie)
    t.match((await before.authorize(parametersFor(client))).html, /<title>Sign in/, String(cookie))
  }
})

t.test('only the hashes of sessions and codes are stored, and nothing of them is logged', async (t) => {
  const { server, client, browser } = await start(t)
  const signIn = await browser.authorize(
    parametersFor(client, { login_hint: 'sentinel-hint', state: 'sentinel' }),
  )
  const consent = await browser.submit(signIn, 'login', rightFields)
  const { code = '' } = answerOf(await browser.submit(consent, 'consent', { decision: 'allow' }))
  const session = browser.cookie?.split('=')[1] ?? ''
  const rows = JSON.stringify([
    await server.db.selectFrom('sessions').selectAll().execute(),
    await server.db.selectFrom('authorization_codes').selectAll().execute(),
    await server.db.selectFrom('audit_entries').selectAll().execute(),
    await server.db.selectFrom('users').selectAll().execute(),
    server.logLines,
  ])
  for (const secret of [code.slice(4), session.slice(4), password, 'sentinel'])
    t.ok(secret.length > 5 && !rows.includes(secret))
})

t.test('A11: nothing that others may choose becomes a script or an attribute', async (t) => {
  const { server, user, browser } = await start(t)
  const attack = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;`
  const client = await server.create({ ...webApplication, name: attack })
  await server.db.updateTable('users').set({ display_name: attack }).execute()
  const asked = { login_hint: attack, ui_locales: attack, state: attack, unknown: attack }
  const signIn = await browser.authorize(parametersFor(client, asked))
  const wrong = await browser.submit(signIn, 'login', { username: attack, password: attack })
  const raw = await browser.open(`/oauth/authorize?${parametersFor(client)}&x="'><script>`)
  await browser.holdSession(user.id)
  const consent = await browser.authorize(parametersFor(client, asked))
  const problem = await browser.open(`/oauth/authorize?client_id=${encodeURIComponent(attack)}`)
  for (const { html } of [signIn, wrong, raw, consent, problem]) {
    t.notMatch(html, /<script|<img|"'>/)
    t.match(html, /<\/html>/)
  }
  t.match(consent.html, '&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;')
})

t.test('A9: a code that is injected into somebody else’s session is of no use', async (t) => {
  const { server, client, user } = await start(t)
  const victims = await obtainCode(server, { client, userId: user.id })
  const attackersVerifier = 'the-verifier-that-belongs-to-the-session-of-the-attacker'
  const answer = await exchangeCode(server, client, { code: victims, code_verifier: attackersVerifier })
  t.match(answer, { status: 400, body: { error: 'invalid_grant' } })
  t.equal((await exchangeCode(server, client, { code: victims })).status, 200, 'and its owner still has it')
})

t.test('unknown, wrong, without a password and disabled are the same answer', async (t) => {
  const { server, client, registry, browser } = await start(t)
  const actor = { id: 'tester', address: null }
  await registry.create({ username: 'nopassword' }, actor)
  const { user: disabled } = await createUser(server, { username: 'disabled' })
  await registry.disable(disabled.id, actor)
  const signIn = await browser.authorize(parametersFor(client))
  const answers = await Promise.all(
    [
      { username: 'nobody', password },
      { username: 'anna', password: 'wrong password' },
      { username: 'nopassword', password },
      { username: 'disabled', password },
    ].map(async (fields) => {
      const { status, html } = await browser.submit(signIn, 'login', fields)
      return { status, html: html.replace(`value="${fields.username}"`, '') }
    }),
  )
  t.equal(answers[0]?.status, 401)
  t.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
  t.strictSame(await server.db.selectFrom('sessions').select('hash').execute(), [])
})

t.test('A4: passwords are tried ten times from one address, then not for a while', async (t) => {
  const failureLimits = { windowMs: 900_000, perClientAndAddress: 10, perAddress: 50, perClient: 200 }
  const { server, client, browser } = await start(t, { failureLimits })
  const signIn = await browser.authorize(parametersFor(client))
  const wrong = { username: 'anna', password: 'wrong password' }
  const statuses: number[] = []
  while (!statuses.includes(429)) {
    const tries = Array.from({ length: 7 }, () => browser.submit(signIn, 'login', wrong))
    statuses.push(...(await Promise.all(tries)).map(({ status }) => status))
  }
  t.equal(statuses.filter((status) => status === 401).length, 10, 'in parallel as well')
  t.strictSame(new Set(statuses), new Set([401, 503, 429]), 'and no more than five at once')
  const limited = await browser.submit(signIn, 'login', rightFields)
  t.equal(limited.status, 429, 'the right password does not tell itself')
  t.match(Number(limited.headers.get('retry-after')), 900)
  t.match(limited.html, /Too many attempts\. Try again in 15 min\./)
  const other = await browser.submit(signIn, 'login', { ...wrong, username: 'berta' })
  t.equal(other.status, 401, 'another username is not touched')
  server.clock.now += 15 * 60_000
  t.match((await browser.submit(signIn, 'login', rightFields)).html, /asks for access/)
})
