import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { runPasserelle } from '../support/command.ts'
import { createPostgres, createSqlite, type TestDatabase } from '../support/databases.ts'
import { needs, postgres } from '../support/services.ts'

async function run(...args: readonly string[]) {
  const command = runPasserelle(args)
  const code = await command.ended
  return { code, stdout: command.stdout(), stderr: command.stderr() }
}

async function makeDatabase(t: Test, create: () => Promise<TestDatabase> = createSqlite): Promise<string> {
  const database = await create()
  t.teardown(() => database.drop())
  return database.url
}

t.test('keys are rotated and listed, and a second rotation waits for the first', async (t) => {
  const url = await makeDatabase(t)
  const database = ['--database', url]
  const missing = await run('keys', 'rotate', ...database)
  t.match(missing, { code: 1, stderr: /^there is no database / })
  t.equal((await run('client', 'create', '--name', 'x', ...database)).code, 0)
  t.equal((await run('keys', 'list', ...database)).stdout, '')
  const first = await run('keys', 'rotate', ...database)
  t.match(first, { code: 0, stdout: /^[\w-]{43}\tES256\tsigning\tsigns from 20/ })
  t.ok(existsSync(`${url.slice('sqlite:'.length)}.key`))
  const next = JSON.parse((await run('keys', 'rotate', '--algorithm', 'EdDSA', '--json', ...database)).stdout)
  t.match(next, { alg: 'EdDSA', state: 'next', kid: /^[\w-]{43}$/, signs_from: /^20/ })
  const again = await run('keys', 'rotate', ...database)
  t.match(again, { code: 1, stdout: '', stderr: `the key ${next.kid} is published already` })
  t.match(JSON.parse((await run('keys', 'list', '--json', ...database)).stdout), [
    { state: 'signing' },
    { kid: next.kid },
  ])
  t.match(await run('keys', 'rotate', '--immediately', ...database), { code: 0, stdout: /\tsigning\t/ })
  const left = (await run('keys', 'list', ...database)).stdout
  t.match(left, /^[\w-]{43}\tES256\tsigning\t.*\n$/)
  t.notMatch(left, /"d"/)
  t.match(await run('keys', 'rotate', '--algorithm', 'HS256', ...database), {
    code: 1,
    stderr: /Allowed choices/,
  })
})

t.test('on Postgres rotating needs the key that encrypts', await needs(postgres), async (t) => {
  const database = ['--database', await makeDatabase(t, createPostgres)]
  const refused = await run('keys', 'rotate', ...database)
  t.match(refused, { code: 1, stderr: /set keyEncryptionKey to 32 random bytes in base64url, the same on/ })
})

t.test('resources are made, listed and deleted', async (t) => {
  const database = ['--database', await makeDatabase(t)]
  const create = ['resource', 'create', '--name', 'Films', ...database]
  t.equal((await run('migrate', ...database)).code, 0)
  const uri = 'https://films.example.org'
  const options = ['--uri', uri, '--token-format', 'jwt', '--access-token-lifetime', '10m']
  t.match(await run(...create, ...options), { code: 0, stdout: `${uri}\tFilms\tjwt\t10m\n` })
  t.match(await run(...create, '--uri', uri), {
    code: 1,
    stderr: /there is a resource "https:\/\/films\.example\.org" already/,
  })
  t.match(await run(...create, '--uri', 'films'), { code: 1, stderr: /URI "films" must be an absolute URI/ })
  t.match(await run(...create, '--uri', uri, '--access-token-lifetime', 'soon'), {
    code: 1,
    stderr: /"soon" must be/,
  })
  t.match(JSON.parse((await run('resource', 'list', '--json', ...database)).stdout), [
    { uri, name: 'Films', token_format: 'jwt', access_token_lifetime: 600 },
  ])
  t.equal((await run('resource', 'delete', uri, ...database)).code, 0)
  t.equal((await run('resource', 'list', ...database)).stdout, '')
  t.match(await run('resource', 'delete', uri, ...database), {
    code: 1,
    stderr: /^there is no resource "https/,
  })
})
