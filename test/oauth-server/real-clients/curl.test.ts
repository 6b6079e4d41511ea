/*
 * curl against the server, with the commands that a partner's developer types first. curl encodes credentials its own way:
 * Basic without form-encoding, a form with `--data-urlencode`.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import {
  basic,
  type ClientWithSecret,
  resourceServer,
  startTestServer,
  type TestServer,
} from '../../support/oauth-server.ts'
import { curl, needs } from '../../support/services.ts'
import {
  createUser,
  obtainCode,
  redirectUri,
  type TokenAnswer,
  verifier,
  webApplication,
} from '../../support/user-browser.ts'

const run = promisify(execFile)
const timeLimitMs = 20_000

/** The answer's status and its JSON. */
async function curlJson(args: readonly string[]): Promise<{ status: number; body: TokenAnswer }> {
  const all = ['--silent', '--show-error', '--max-time', '10', '--write-out', '\n%{http_code}', ...args]
  const { stdout } = await run('curl', all, { timeout: timeLimitMs })
  const lineEnd = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(lineEnd)), body: JSON.parse(stdout.slice(0, lineEnd)) as TokenAnswer }
}

/** The two ways of a secret, as curl's options. */
const waysOf = ({ client, secret }: ClientWithSecret) => [
  ['--user', `${client.id}:${secret}`],
  ['--data-urlencode', `client_id=${client.id}`, '--data-urlencode', `client_secret=${secret}`],
]

async function isActive(server: TestServer, gateway: ClientWithSecret, token: string): Promise<unknown> {
  const found = await server.post('/oauth/introspect', { token }, basic(gateway))
  return ((await found.json()) as { active: unknown }).active
}

t.test('from a terminal', await needs(curl), async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)

  t.test('A2, A5: a token of the client’s own, by either way of its secret', async (t) => {
    for (const way of waysOf(await server.create())) {
      const asked = ['-d', 'grant_type=client_credentials', '-d', 'scope=user', `${server.url}/oauth/token`]
      const { status, body } = await curlJson([...way, ...asked])
      t.equal(status, 200)
      t.match(body, { access_token: /^pat_/, token_type: 'bearer', expires_in: 3_600, scope: 'user' })
    }
  })

  t.test('A7, A13, A14: a code is exchanged, refreshed, and what came of it revoked', async (t) => {
    const { user } = await createUser(server)
    const client = await server.create(webApplication)
    const [way = []] = waysOf(client)
    const ask = (path: string, ...form: readonly string[]) =>
      curlJson([...way, ...form.flatMap((pair) => ['--data-urlencode', pair]), server.url + path])

    const exchange = [
      'grant_type=authorization_code',
      `code=${await obtainCode(server, { client, userId: user.id })}`,
      `redirect_uri=${redirectUri}`,
      `code_verifier=${verifier}`,
    ]
    const exchanged = await ask('/oauth/token', ...exchange)
    t.match(exchanged, { status: 200, body: { access_token: /^pat_/, refresh_token: /^prt_/ } })

    const refresh = ['grant_type=refresh_token', `refresh_token=${exchanged.body.refresh_token}`]
    const refreshed = await ask('/oauth/token', ...refresh)
    t.match(refreshed, { status: 200, body: { access_token: /^pat_/, refresh_token: /^prt_/ } })
    const again = await ask('/oauth/token', ...refresh)
    t.match(again, { status: 400, body: { error: 'invalid_grant' } })

    const { access_token: token, refresh_token: refreshToken } = refreshed.body
    t.equal(await isActive(server, gateway, token), true)
    const revoked = await ask('/oauth/revoke', `token=${refreshToken}`, 'token_type_hint=refresh_token')
    t.equal(revoked.status, 200)
    t.equal(await isActive(server, gateway, token), false)
    t.match(await ask('/oauth/token', ...exchange), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test('A15, A16: a gateway looks tokens up, in the standard’s shape and in the older one', async (t) => {
    const client = await server.create()
    const [clientWay = []] = waysOf(client)
    const [way = []] = waysOf(gateway)
    const issued = await curlJson([
      ...clientWay,
      '-d',
      'grant_type=client_credentials',
      `${server.url}/oauth/token`,
    ])
    const token = issued.body.access_token
    const found = await curlJson([...way, '-d', `token=${token}`, `${server.url}/oauth/introspect`])
    t.match(found, { status: 200, body: { active: true, client_id: client.client.id } })
    const older = ['--get', '--data-urlencode', `access_token=${token}`, `${server.url}/oauth/verifToken`]
    t.match(await curlJson([...way, ...older]), { status: 200, body: { client: client.client.id } })
    const unknown = await curlJson([...way, '-d', 'token=pat_unknown', `${server.url}/oauth/introspect`])
    t.strictSame(unknown, { status: 200, body: { active: false } })
  })

  t.test('what went wrong is told in JSON', async (t) => {
    const { client } = await server.create()
    const wrong = ['--user', `${client.id}:psk_wrong`, '-d', 'grant_type=client_credentials']
    const refused = await curlJson([...wrong, `${server.url}/oauth/token`])
    t.match(refused, { status: 401, body: { error: 'invalid_client' } })
    const json = ['-H', 'content-type: application/json', '-d', '{"grant_type":"client_credentials"}']
    const notAForm = await curlJson([...json, `${server.url}/oauth/token`])
    t.match(notAForm, { status: 400, body: { error: 'invalid_request' } })
    const metadata = await curlJson([`${server.url}/.well-known/oauth-authorization-server`])
    t.match(metadata, { status: 200, body: { issuer: server.url } })
  })
})
