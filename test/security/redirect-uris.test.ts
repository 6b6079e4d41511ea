/**
 * The attack: a redirect URI that looks like the registered one sends the user's browser, with a code or an error in its
 * URL, to somebody else; or the server becomes a link that leads anywhere.
 */
import fc from 'fast-check'
import t from 'tap'
import { matchesRedirectUri } from '../../oauth-server/clients/redirect-match.ts'
import { startTestServer } from '../support/oauth-server.ts'
import {
  answerOf,
  createUser,
  parametersFor,
  redirectUri,
  UserBrowser,
  webApplication,
} from '../support/user-browser.ts'

const mutations: readonly string[] = [
  'https://app.example/done/',
  'https://app.example/done?x=1',
  'https://app.example/done#x',
  'https://app.example/done/../evil',
  'https://app.example/done%2f',
  'https://app.example/Done',
  'https://APP.example/done',
  'https://app.example:443/done',
  'https://app.example./done',
  'https://app.example@evil.example/done',
  'https://evil.example/app.example/done',
  'https://app.example.evil.example/done',
  'https://evilapp.example/done',
  'https://sub.app.example/done',
  'https://app.example\\@evil.example/done',
  'https:/app.example/done',
  'https:app.example/done',
  '//app.example/done',
  '/done',
  'http://app.example/done',
  ' https://app.example/done',
  'https://app.example/done ',
  'https://app.example/done\t',
  'https://app.example/d\u043ene',
  'https://xn--pp-bja.example/done',
  'javascript:alert(1)//https://app.example/done',
  'data:text/html,https://app.example/done',
  'https://app.example/done https://evil.example/',
  'https://app.example/done,https://evil.example/',
  '*',
  'https://*/done',
]

t.test(
  'A8: no mutation of a redirect URI is followed, whether the rest of the request is good or bad',
  async (t) => {
    const server = await startTestServer(t)
    const client = await server.create(webApplication)
    const { user } = await createUser(server)
    const browser = new UserBrowser(server)
    await browser.holdSession(user.id)
    for (const uri of mutations)
      for (const changes of [
        {},
        { response_type: 'token' },
        { prompt: 'none' },
        { code_challenge: undefined },
      ]) {
        const page = await browser.authorize(parametersFor(client, { ...changes, redirect_uri: uri }))
        t.equal(page.status, 400, uri)
        t.equal(page.location, null, uri)
        t.match(page.headers.get('content-type'), 'text/html')
        t.notMatch(page.html, /evil|alert\(/, 'nothing of it is repeated')
      }
    const twice = parametersFor(client)
    twice.append('redirect_uri', 'https://evil.example/')
    t.match(await browser.authorize(twice), { status: 400, location: null })
  },
)

t.test('A8: an unknown, disabled, repeated or malformed client is a page here', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create(webApplication)
  const disabled = await server.create(webApplication)
  await server.db
    .updateTable('clients')
    .set({ disabled_at: 1 })
    .where('id', '=', disabled.client.id)
    .execute()
  const browser = new UserBrowser(server)
  for (const id of [
    undefined,
    '',
    'nobody-12345678',
    "x' or 1=1",
    disabled.client.id,
    'x'.repeat(5_000),
    '\u{1f600}',
  ])
    t.match(await browser.authorize(parametersFor(client, { client_id: id })), {
      status: 400,
      location: null,
    })
  const twice = parametersFor(client)
  twice.append('client_id', client.client.id)
  t.match(await browser.authorize(twice), { status: 400, location: null })
  for (const query of ['client_id=%zz', 'client_id=%00', '%ff=1', ''])
    t.match(await browser.open(`/oauth/authorize?${query}`), { status: 400, location: null }, query)
  t.notMatch(server.logLines.join(''), /request failed/)
})

t.test('A8: without a redirect URI there must be exactly one to choose from', async (t) => {
  const server = await startTestServer(t)
  const browser = new UserBrowser(server)
  const several = await server.create({ ...webApplication, redirectUris: [redirectUri, `${redirectUri}2`] })
  const asked = { redirect_uri: undefined, prompt: 'none' }
  t.match(await browser.authorize(parametersFor(several, asked)), { status: 400, location: null })
  const one = await server.create(webApplication)
  const page = await browser.authorize(parametersFor(one, asked))
  t.match(page.location, `${redirectUri}?error=login_required`)
})

t.test('A8: the port is free on a loopback address, and nothing else is', (t) => {
  const registered = ['http://127.0.0.1/done', 'http://[::1]:8000/done?x=1', 'http://localhost/done']
  const matches = (asked: string) => registered.some((uri) => matchesRedirectUri(uri, asked))
  for (const uri of ['http://127.0.0.1:1/done', 'http://127.0.0.1:65535/done', 'http://[::1]/done?x=1'])
    t.equal(matches(uri), true, uri)
  for (const uri of [
    'http://127.0.0.1:65536/done',
    'http://127.0.0.1:/done',
    'http://127.0.0.1:80:80/done',
    'http://127.0.0.1:80@evil.example/done',
    'http://127.0.0.1.evil.example/done',
    'http://127.0.0.2:80/done',
    'http://127.1:80/done',
    'https://127.0.0.1:80/done',
    'http://127.0.0.1:80/other',
    'http://127.0.0.1:80/done#x',
    'http://[::1]:80/done',
    'http://localhost:80/done',
  ])
    t.equal(matches(uri), false, uri)
  t.end()
})

t.test('A8: whatever is inserted into a redirect URI, a match leads to the same host and path', (t) => {
  const registered = ['https://app.example/done', 'http://127.0.0.1/done']
  fc.assert(
    fc.property(
      fc.constantFrom(...registered),
      fc.nat(30),
      fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom(':80', '@evil', '.evil', '/..', '?', '#', '%2e', '\\'),
      ),
      (uri, at, inserted) => {
        const asked = uri.slice(0, at) + inserted + uri.slice(at)
        if (!matchesRedirectUri(uri, asked)) return
        const [one, other] = [new URL(uri), new URL(asked)]
        if (one.hostname !== other.hostname || one.pathname !== other.pathname || one.hash !== other.hash)
          throw new Error(asked)
        if (one.protocol === 'https:' && asked !== uri) throw new Error(asked)
      },
    ),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test(
  'A8, A10: a redirect URI keeps its own query, and gets the state as it was sent and the issuer',
  async (t) => {
    const server = await startTestServer(t)
    const withQuery = `${redirectUri}?tenant=a%2Fb&x=`
    const client = await server.create({ ...webApplication, redirectUris: [withQuery], skipsConsent: true })
    const { user } = await createUser(server)
    const browser = new UserBrowser(server)
    const states = [
      'plain',
      'a b+c',
      '&code=evil',
      '"<script>',
      'é\u{1f600}',
      '%0d%0aLocation:',
      'x'.repeat(4_000),
    ]
    for (const isSignedIn of [false, true]) {
      if (isSignedIn) await browser.holdSession(user.id)
      for (const state of states) {
        const changes = { redirect_uri: withQuery, state, prompt: 'none' }
        const page = await browser.authorize(parametersFor(client, changes))
        t.equal(page.status, 303)
        t.ok(page.location?.startsWith(`${withQuery}&`))
        const { searchParams } = new URL(page.location ?? '')
        t.strictSame(searchParams.getAll('state'), [state])
        t.strictSame(searchParams.getAll('iss'), [server.url])
        t.equal(searchParams.getAll(isSignedIn ? 'code' : 'error').length, 1)
        t.equal(searchParams.has(isSignedIn ? 'error' : 'code'), false)
      }
    }
    const stateless = await browser.authorize(
      parametersFor(client, { redirect_uri: withQuery, state: undefined }),
    )
    t.notOk('state' in answerOf(stateless))
  },
)
