import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { runPasserelle } from '../support/command.ts'
import { createSqlite, databaseKinds } from '../support/databases.ts'

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

t.test('the first administrator is made once, and what is printed works when it is pasted', async (t) => {
  const url = await makeDatabase(t)
  const config = join(dirname(url.slice('sqlite:'.length)), 'oauth-server.yaml')
  writeFileSync(config, `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndatabase: "${url}"\n`)
  const made = await run('admin', 'bootstrap', '--config', config)
  t.equal(made.code, 0, made.stderr)
  const id = /^id +(administrator-\w+)$/m.exec(made.stdout)?.[1] ?? ''
  t.match(made.stdout, /curl -H "Authorization: Bearer \$TOKEN" http:\/\/127\.0\.0\.1:0\/clients/)
  const again = await run('admin', 'bootstrap', '--config', config)
  t.match(again, { code: 1, stderr: new RegExp(`the client ${id} may administer already`) })
  const server = runPasserelle(['oauth-server', '--config', config])
  const [, serverUrl = '', adminUrl = ''] = await server.until(/"url":"([^"]+)","adminUrl":"([^"]+)"/)
  const script = made.stdout
    .slice(made.stdout.indexOf('  TOKEN='))
    .replace('http://127.0.0.1:0/oauth', `${serverUrl}/oauth`)
    .replace('http://127.0.0.1:0/clients', `${adminUrl}/clients`)
  const { execFile } = await import('node:child_process')
  const printed = await new Promise<string>((resolve, reject) =>
    execFile('sh', ['-c', script], (error, stdout) => (error ? reject(error) : resolve(stdout))),
  )
  t.match(JSON.parse(printed), { items: [{ client_id: id, scopes: ['admin'] }] })
  t.equal((await run('admin', 'bootstrap', '--force', '--config', config)).code, 0)
  t.equal(await server.stop(), 0)
})

for (const kind of await databaseKinds())
  t.test(
    `of two who make the first administrator at once on ${kind.name} one does`,
    kind.options,
    async (t) => {
      const database = await kind.create()
      t.teardown(() => database.drop())
      const bootstrap = () => run('admin', 'bootstrap', '--json', '--database', database.url)
      const answers = await Promise.all([bootstrap(), bootstrap()])
      const [made, refused] = answers.toSorted((a, b) => Number(a.code) - Number(b.code))
      t.equal(made?.code, 0, made?.stderr ?? '')
      const id = String(JSON.parse(made?.stdout ?? '').client_id)
      t.match(refused, {
        code: 1,
        stdout: '',
        stderr: `the client ${id} may administer already: use it, or make another one by --force\n`,
      })
      const all = await run('client', 'list', '--json', '--database', database.url)
      t.match(JSON.parse(all.stdout), [{ client_id: id }])
      t.equal(JSON.parse(all.stdout).length, 1)
    },
  )

t.test('clients, secrets, roles, plans and the trail are managed by hand', async (t) => {
  const database = ['--database', await makeDatabase(t)]
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args, ...database, '--json')
    t.equal(code, 0, `${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout)
  }
  const made = await json('client', 'create', '--name', 'App')
  const id = String(made.client_id)
  t.match(await json('plan', 'create', 'gold', '--rate-limit', '5', '--roles', 'VIP', '--create-roles'), {
    id: 'gold',
    rate_limit: 5,
    rate_limit_window: 3_600,
  })
  t.match(await json('client', 'change', id, '--plan', 'gold', '--access-token-lifetime', '15m'), {
    plan: 'gold',
    access_token_lifetime: 900,
    granted: { rate_limit: 5, roles: ['VIP'] },
  })
  t.match(await json('plan', 'change', 'gold', '--rate-limit', '6'), { rate_limit: 6 })
  t.match(await json('client', 'disable', id), { disabled: true })
  t.match(await json('client', 'list', '--disabled', '--plan', 'gold'), [{ client_id: id }])
  t.strictSame(await json('client', 'list', '--no-disabled'), [])
  t.match(await json('client', 'enable', id), { disabled: false })
  const added = await json('client', 'secret', 'add', id, '--older-expires-in', '1d')
  t.match(added.client_secret, /^psk_/)
  t.match(await json('client', 'secret', 'list', id), [{ expires_at: String }, { id: added.id }])
  t.match(await json('client', 'secret', 'revoke', id, added.id, '--tokens'), { tokens: true })
  t.strictSame(await json('token', 'list', '--client', id), [])
  t.match(await json('token', 'revoke', '--all', '--client', id), { revoked: 0 })
  await json('role', 'create', 'USER', '--description', 'Everybody')
  t.match(await json('role', 'describe', 'USER', '--description', 'All'), { description: 'All' })
  t.match(await json('role', 'list'), [{ name: 'USER' }, { name: 'VIP' }])
  await json('role', 'delete', 'USER')
  const refusals: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['plan', 'delete', 'gold'], /in use by 1 client/],
    [['role', 'delete', 'VIP'], /in use by 1 plan/],
    [['client', 'change', id, '--roles', 'VPI'], /did you mean "VIP"/],
    [['client', 'change', id], /nothing is to be changed/],
    [['client', 'change', id, '--grant-types', 'password'], /"password" must be one of client_credentials/],
    [['token', 'revoke', '--client', id], /revoke what\?/],
    [['token', 'list'], /whose tokens\?/],
    [['audit', 'list', '--limit', 'all'], /"all" must be a whole number/],
  ]
  for (const [args, message] of refusals) {
    const { code, stderr } = await run(...args, ...database)
    t.equal(code, 1, args.join(' '))
    t.match(stderr, message)
  }
  await json('client', 'delete', id)
  const trail = await json('audit', 'list', '--target', `client:${id}`)
  t.match(trail[0], { action: 'client.deleted', actor: /^cli:/, address: null })
  t.equal(trail.length, 8)
  t.notMatch(JSON.stringify(trail), /psk_/)
  const { stdout } = await run('audit', 'list', '--limit', '2', ...database)
  t.match(stdout, /^\S+Z\tcli:\S+\tclient\.deleted\tclient:\S+\t\{.*\}\n\S+Z\t.*\n$/)
})

t.test('users are imported from a file, and a database is looked at and brought up to date', async (t) => {
  const url = await makeDatabase(t)
  const database = ['--database', url]
  t.match(await run('migrate', '--check', ...database), { code: 1, stderr: /there is no database/ })
  t.match((await run('migrate', ...database)).stdout, /^done {2}0001-clients-and-tokens\ndone/)
  t.match(await run('migrate', '--check', ...database), { code: 0, stdout: /up to date/ })
  const file = join(dirname(url.slice('sqlite:'.length)), 'users.ndjson')
  writeFileSync(file, '{"username":"ann"}\n{"username":"bob","age":7}\n')
  const missing = await run('user', 'import', `${file}.none`, ...database)
  t.match(missing, {
    code: 1,
    stderr: /^there is no file \S+\.none: name one with a JSON object a line, or -/,
  })
  const imported = await run('user', 'import', file, ...database)
  t.equal(imported.code, 1, 'a line was refused')
  t.match(imported.stdout, /line 2: age: is not known; .*\n1 made, 0 changed, 0 as they were, 1 refused/)
  writeFileSync(file, '{"username":"ann"}\n')
  t.match(await run('user', 'import', file, ...database), { code: 0, stdout: /0 made, 0 changed, 1 as they/ })
})
