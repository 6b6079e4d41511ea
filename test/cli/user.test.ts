import t, { type Test } from 'tap'
import { runPasserelle } from '../support/command.ts'
import { createSqlite } from '../support/databases.ts'

async function run(args: readonly string[], input?: string) {
  const command = runPasserelle(args, {}, input)
  const code = await command.ended
  return { code, stdout: command.stdout(), stderr: command.stderr() }
}

async function makeDatabase(t: Test): Promise<readonly string[]> {
  const database = await createSqlite()
  t.teardown(() => database.drop())
  return ['--database', database.url]
}

t.test('a user is made, shown, listed, disabled and enabled', async (t) => {
  const database = await makeDatabase(t)
  const details = ['--display-name', 'Anna K.', '--entitlements', 'svod, kids']
  const made = await run(['user', 'create', 'anna', ...details, ...database])
  t.equal(made.code, 0, made.stderr)
  t.match(made.stdout, /^entitlements +kids, svod$/m)
  t.match(made.stdout, /^password +[\w-]{20}$/m)
  t.match(made.stdout, /^Keep the password now: it is shown this once and cannot be read again\.$/m)
  const shown = JSON.parse((await run(['user', 'show', 'ANNA', '--json', ...database])).stdout)
  t.match(shown, { username: 'anna', display_name: 'Anna K.', has_password: true, disabled: false })
  t.notOk('password' in shown)
  const disabled = await run(['user', 'disable', 'anna', ...database])
  t.match(disabled.stdout, /^disabled +20\d\d-/m)
  t.match(
    (await run(['user', 'list', '--username', 'an', ...database])).stdout,
    /^anna\tAnna K\.\t.*\tdisabled$/m,
  )
  t.notMatch((await run(['user', 'enable', 'anna', ...database])).stdout, /disabled/)
  const another = JSON.parse((await run(['user', 'set-password', 'anna', '--json', ...database])).stdout)
  t.match(another.password, /^[\w-]{20}$/)
})

t.test('a user is named by username or subject, changed in what options name, and taken away', async (t) => {
  const database = await makeDatabase(t)
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run([...args, ...database, '--json'])
    t.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  const { sub } = await json('user', 'create', 'anna', '--entitlements', 'svod', '--display-name', 'Anna K.')
  t.match(await json('user', 'change', sub, '--username', 'ann', '--entitlements', 'kids, svod'), {
    sub,
    username: 'ann',
    display_name: 'Anna K.',
    entitlements: ['kids', 'svod'],
  })
  t.match(await json('user', 'change', 'ANN', '--display-name', 'Ann', '--entitlements', ''), {
    username: 'ann',
    display_name: 'Ann',
    entitlements: [],
  })
  t.match(await json('user', 'show', sub), { username: 'ann' })
  t.match(await json('user', 'set-password', sub), { sub, password: String })
  t.strictSame(await json('token', 'list', '--user', 'ann'), [])
  t.match(await json('user', 'disable', sub), { disabled: true })
  t.match(await json('user', 'list', '--disabled'), [{ sub }])
  t.strictSame(await json('user', 'list', '--no-disabled'), [])
  t.match(await json('user', 'enable', sub), { disabled: false })
  t.match(await run(['user', 'change', 'ann', ...database]), {
    code: 1,
    stderr: 'nothing is to be changed: name it by an option\n',
  })
  const impostor = await json('user', 'create', sub)
  t.match(await json('user', 'show', sub), { sub, username: 'ann' }, 'no username stands for a subject')
  t.strictSame(await json('user', 'delete', impostor.sub), { deleted: impostor.sub })
  const gone = await run(['user', 'delete', 'ann', ...database])
  t.match(gone, { code: 0, stdout: 'the user ann is gone, with all that clients held for them\n' })
  t.strictSame(await json('user', 'list'), [])
  for (const command of ['show', 'delete', 'enable'])
    t.match(await run(['user', command, sub, ...database]), { code: 1, stderr: /there is no user/ })
})

t.test('a password is read from standard input, and then not printed', async (t) => {
  const database = await makeDatabase(t)
  const made = await run(['user', 'create', 'anna', '--password-stdin', ...database], 's3ntinel word\n')
  t.equal(made.code, 0, made.stderr)
  t.notMatch(made.stdout, /s3ntinel|password/)
  const short = await run(['user', 'set-password', 'anna', '--password-stdin', ...database], 's3ntl')
  t.match(short, { code: 1, stderr: /the password must have 8 to 200 characters/ })
  t.notMatch(short.stderr, /s3ntl/)
  t.match(await run(['user', 'show', 'nobody', ...database]), {
    code: 1,
    stderr: /there is no user "nobody"/,
  })
  t.match(await run(['user', 'create', 'ANNA', ...database]), { code: 1, stderr: /"ANNA" is taken/ })
})
