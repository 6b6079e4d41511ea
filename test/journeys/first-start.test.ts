import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runPasserelle } from '../support/command.ts'
import { freePlatformPort } from '../support/ports.ts'

function dataFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** The commands that the first start prints, as they would be pasted: everything from the first `#` on. */
function printedCommands(output: string): string {
  return output.slice(output.indexOf('  # '))
}

t.test(
  'what the first start prints works when pasted: 401, 200 with roles and quota, 429; Ctrl-C ends it',
  async (t) => {
    const data = dataFolder(t)
    const port = await freePlatformPort()
    const start = runPasserelle(['start', '--port', String(port), '--data', data])
    await start.until(/spend the quota[\s\S]*echo\n/)
    t.equal(statSync(join(data, 'clients.json')).mode & 0o077, 0, 'nobody else can read the credentials')
    t.equal(statSync(join(data, 'oauth-server.db')).mode & 0o077, 0, 'nor the names and hashes')

    const shown = execFileSync('bash', ['-c', printedCommands(start.output())], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    t.match(
      start.output(),
      /^ +a user +demo, password \S{12}, for the public client demo-application-\w{8}$/m,
    )
    t.match(shown, /HTTP\/1\.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="passerelle"/)
    t.match(shown, /HTTP\/1\.1 200 OK/)
    t.match(shown, /X-Rate-Limit-Limit: 20\r\nX-Rate-Limit-Remaining: 19\r\nX-Rate-Limit-Reset: \d{10}\r\n/)
    t.match(shown, /"roles":\["USER"\]/, 'the backend was told the roles')
    t.match(shown, /\}(200 ){19}(429 ){6}\n$/)

    t.equal(await start.stop('SIGINT'), 0)
  },
)

t.test(
  'a second start goes on with the same clients, and makes them again when the database is gone',
  async (t) => {
    const data = dataFolder(t)
    const credentialsOf = async () => {
      const start = runPasserelle(['start', '--port', String(await freePlatformPort()), '--data', data])
      const [, credentials] = await start.until(/-u (\S+) -d grant_type[\s\S]*echo\n/)
      t.equal(await start.stop(), 0)
      return credentials
    }
    const first = await credentialsOf()
    t.equal(await credentialsOf(), first)
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `oauth-server.db${suffix}`), { force: true })
    t.not(await credentialsOf(), first)
  },
)

t.test('a taken port gives one clear line, and nothing stays behind', async (t) => {
  const data = dataFolder(t)
  const port = await freePlatformPort()
  const first = runPasserelle(['start', '--port', String(port), '--data', data])
  await first.until(/echo\n/)
  const second = runPasserelle(['start', '--port', String(port), '--data', dataFolder(t)])
  t.equal(await second.ended, 1)
  t.match(
    second.output(),
    /^the oauth-server cannot listen on 127\.0\.0\.1:\d+: the port is taken\..*--port.*\n$/,
  )
  await first.stop()
})

t.test('clients are made, listed and shown while the server runs, and work at once', async (t) => {
  const data = dataFolder(t)
  const port = await freePlatformPort()
  const start = runPasserelle(['start', '--port', String(port), '--data', data])
  await start.until(/echo\n/)
  const client = async (...args: string[]) => {
    const command = runPasserelle([
      'client',
      ...args,
      '--database',
      `sqlite:${join(data, 'oauth-server.db')}`,
      '--json',
    ])
    t.equal(await command.ended, 0)
    return JSON.parse(command.output())
  }
  const figures = ['--rate-limit', '5', '--window', '1h', '--create-roles']
  const made = await client(
    'create',
    '--name',
    'Tracks',
    '--roles',
    'USER,EDITOR',
    '--scopes',
    'user',
    ...figures,
  )
  const answer = await fetch(`http://127.0.0.1:${port + 1}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: made.client_id,
      client_secret: made.client_secret,
    }),
  })
  const token = (await answer.json()) as Record<string, unknown>
  t.match(token, {
    token_type: 'bearer',
    expires_in: 3600,
    scope: 'user',
    roles: ['EDITOR', 'USER'],
    rate_limit: 5,
  })
  const response = await fetch(`http://127.0.0.1:${port}/api1`, {
    headers: { authorization: `Bearer ${token.access_token}` },
  })
  t.same([response.status, response.headers.get('x-rate-limit-remaining')], [200, '4'])
  const listed = await client('list')
  t.ok(listed.some((each: { client_id: string }) => each.client_id === made.client_id))
  t.notOk(JSON.stringify(listed).includes(made.client_secret), 'a secret is shown once')
  t.match(await client('show', made.client_id), { name: 'Tracks', rate_limit: 5, rate_limit_window: 3600 })
  await start.stop()
})
