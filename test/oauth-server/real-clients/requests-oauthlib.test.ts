/*
 * Debian's requests-oauthlib, by which Python programs get tokens, against the server. The program beside this file is what
 * a partner would write; only the user's browser is ours, and it meets the program over its standard input and output.
 */
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type RunningCommand, runCommand } from '../../support/command.ts'
import {
  basic,
  type ClientWithSecret,
  resourceServer,
  startTestServer,
  type TestServer,
} from '../../support/oauth-server.ts'
import { debianPython, needs, requestsOAuthlib } from '../../support/services.ts'
import { createUser, redirectUri, signInAndConsent, webApplication } from '../../support/user-browser.ts'

const program = fileURLToPath(new URL('requests-oauthlib.py', import.meta.url))

interface Parties {
  readonly server: TestServer
  readonly client: ClientWithSecret
}

/** Runs the program's part of that name. */
function start(t: Test, part: string, { server, client: { client, secret } }: Parties): RunningCommand {
  const env = {
    SERVER: server.url,
    CLIENT_ID: client.id,
    CLIENT_SECRET: secret,
    REDIRECT_URI: redirectUri,
    // The library's mark for what is dangerous outside loopback, where this server is.
    OAUTHLIB_INSECURE_TRANSPORT: '1',
    NO_PROXY: '127.0.0.1',
  }
  const running = runCommand(debianPython, [program, part], env)
  t.teardown(() => running.stop('SIGKILL'))
  return running
}

/** What the program prints as its last line. */
async function resultOf(running: RunningCommand): Promise<Record<string, string>> {
  const status = await running.ended
  if (status !== 0) throw new Error(`the program ended with ${status}: ${running.output()}`)
  return JSON.parse(running.stdout().trim().split('\n').at(-1) ?? '') as Record<string, string>
}

t.test('a Python program', await needs(requestsOAuthlib), async (t) => {
  const server = await startTestServer(t)
  const gateway = await server.create(resourceServer)
  const lookUp = async (token = '') =>
    (await server.post('/oauth/introspect', { token }, basic(gateway))).json()

  for (const part of ['own-token-by-basic', 'own-token-by-form'])
    t.test(`A2: gets a token of its own: ${part}`, async (t) => {
      const client = await server.create()
      const tokens = await resultOf(start(t, part, { server, client }))
      t.match(await lookUp(tokens.access_token), { active: true, client_id: client.client.id, scope: 'user' })
    })

  t.test('A7, A9, A13: signs a user in by code and PKCE, and refreshes by itself', async (t) => {
    const { user } = await createUser(server)
    const client = await server.create(webApplication)
    const running = start(t, 'user-token', { server, client })
    const [link = ''] = await running.until(/^http\S+$/m)
    running.child.stdin?.end(`${await signInAndConsent(server, link)}\n`)
    const { first, refreshed, again } = await resultOf(running)
    t.match(await lookUp(refreshed), { active: true, sub: user.id, scope: /stats/ })
    t.not(refreshed, first)
    t.equal(again, 'invalid_grant', 'the library knows the refusal of a used refresh token by its name')
  })
})
