import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { runPasserelle } from '../support/command.ts'
import { createSqlite } from '../support/databases.ts'

async function run(...args: readonly string[]) {
  const command = runPasserelle(args)
  const code = await command.ended
  return { code, stdout: command.stdout(), stderr: command.stderr() }
}

async function makeDatabase(t: Test): Promise<string> {
  const database = await createSqlite()
  t.teardown(() => database.drop())
  return database.url
}

t.test('a client is made, listed and shown, and its secret is printed once', async (t) => {
  const database = ['--database', await makeDatabase(t)]
  const options = [
    '--name',
    'Tracks',
    '--roles',
    'USER,EDITOR',
    '--scopes',
    'user',
    '--rate-limit',
    '20',
    '--window',
    '1m',
    '--create-roles',
  ]
  const made = await run('client', 'create', ...options, ...database)
  t.equal(made.code, 0, made.stderr)
  const id = /^id +(tracks-\w{8})$/m.exec(made.stdout)?.[1] ?? ''
  t.match(made.stdout, /^roles +EDITOR, USER$/m)
  t.match(made.stdout, /^quota +20\/1m$/m)
  t.match(made.stdout, /^secret +psk_\w{43}$/m)
  t.match(made.stdout, /^Keep the secret now: it is shown this once and cannot be read again\.$/m)
  const listed = await run('client', 'list', ...database)
  t.match(listed.stdout, `${id}\tTracks\tEDITOR,USER\t20/1m`)
  const shown = await run('client', 'show', id, '--json', ...database)
  t.match(JSON.parse(shown.stdout), {
    client_id: id,
    name: 'Tracks',
    roles: ['EDITOR', 'USER'],
    scopes: ['user'],
    rate_limit: 20,
    rate_limit_window: 60,
    grant_types: ['client_credentials'],
    disabled: false,
  })
  t.match((await run('client', 'show', id, ...database)).stdout, /^name +Tracks$/m)
  t.notMatch(listed.stdout + shown.stdout, /psk_/)
})

t.test('JSON holds the secret, and refresh tokens are asked for', async (t) => {
  const database = ['--database', await makeDatabase(t), '--json']
  const made = JSON.parse(
    (await run('client', 'create', '--name', 'App', '--refresh-tokens', ...database)).stdout,
  )
  t.match(made, {
    client_secret: /^psk_/,
    grant_types: ['client_credentials', 'refresh_token'],
    rate_limit: 1_000,
    rate_limit_window: 3_600,
    roles: [],
    scopes: ['user'],
  })
  const listed = JSON.parse((await run('client', 'list', ...database)).stdout)
  t.equal(listed[0].client_id, made.client_id)
})

t.test('bad values are one clear line on stderr and exit code 1', async (t) => {
  const database = ['--database', await makeDatabase(t)]
  const create = ['client', 'create', '--name', 'x', ...database]
  t.equal((await run(...create)).code, 0, 'the database is there')
  const bad: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[...create, '--roles', 'A,b c'], /the client's role "b c" must be/],
    [[...create, '--rate-limit', 'many'], /rate limit "many" must be a whole number/],
    [[...create, '--rate-limit', '0'], /quota/],
    [[...create, '--window', 'soon'], /window "soon" must be/],
    [['client', 'show', 'nobody', ...database], /there is no client "nobody"/],
    [['client', 'list', '--database', 'mysql://x'], /the database cannot be opened/],
    [['client', 'list', '--database', 'sqlite:/nowhere/x.db'], /there is no database \/nowhere\/x\.db/],
    [[...create, '--window', '400d'], /quota "1000\/400d"/],
    [['client', 'list', '--config', '/nowhere.yaml'], /cannot be read: there is no such file/],
    [['client', 'list', '--config', 'x', ...database], /cannot be used with/],
  ]
  const results = await Promise.all(bad.map(([args]) => run(...args)))
  for (const [index, [, message]] of bad.entries()) {
    const { code, stderr } = results[index] ?? { code: 0, stderr: '' }
    t.equal(code, 1, String(message))
    t.match(stderr, message)
    t.match(
      stderr,
      /^[^\n]+\n(?:\(passerelle --help [^\n]+\)\n)?$/,
      'one line, and at most the way to the help',
    )
  }
})

t.test('the server runs until it is told to stop, and clients are made meanwhile', async (t) => {
  const url = await makeDatabase(t)
  const config = join(dirname(url.slice('sqlite:'.length)), 'oauth-server.yaml')
  writeFileSync(config, `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndatabase: "${url}"\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = runPasserelle(['oauth-server', '--config', config])
    const [, serverUrl] = await server.until(/"url":"(http:[^"]+)"/)
    const made = JSON.parse(
      (await run('client', 'create', '--name', 'App', '--json', '--config', config)).stdout,
    )
    const response = await fetch(`${serverUrl}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: made.client_id,
        client_secret: made.client_secret,
      }),
    })
    t.equal(response.status, 200)
    t.equal(await server.stop(signal), 0, signal)
  }
})
