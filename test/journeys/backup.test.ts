import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'
import { captureLog } from '../support/captured-log.ts'
import { createPostgres, createSqlite, type TestDatabase } from '../support/databases.ts'
import {
  basic,
  type ClientWithSecret,
  obtainTokens,
  resourceServer,
  startTestServer,
  type TestServer,
} from '../support/oauth-server.ts'
import { needs, pgDump, postgres, sqlite3 } from '../support/services.ts'

const run = promisify(execFile)
const vacuumInto = `
  const db = new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 5_000 })
  db.prepare('vacuum into ?').run(process.argv[2])`
const issuer = 'https://login.example.org'

/** A way to back a database up and to restore it elsewhere, as docs/oauth-server.md tells it. */
interface Way {
  readonly name: string
  readonly options: { readonly skip?: string }
  readonly keyEncryptionKey?: string
  create(): Promise<TestDatabase>
  /** Backs up the database at a URL, and restores it into a new one. */
  copy(url: string): Promise<TestDatabase>
}

const ways: readonly Way[] = [
  {
    name: 'SQLite by sqlite3 .backup',
    options: await needs(sqlite3),
    create: createSqlite,
    copy: copySqlite((from, to) => run('sqlite3', [from, '.timeout 5000', `.backup '${to}'`])),
  },
  {
    name: 'SQLite by VACUUM INTO',
    options: {},
    create: createSqlite,
    copy: copySqlite((from, to) => run(process.execPath, ['-e', vacuumInto, from, to])),
  },
  {
    name: 'Postgres by pg_dump and pg_restore',
    options: { ...(await needs(postgres)), ...(await needs(pgDump)) },
    keyEncryptionKey: randomBytes(32).toString('base64url'),
    create: createPostgres,
    copy: copyPostgres,
  },
]

for (const way of ways)
  t.test(`a backup of ${way.name} while tokens are issued`, way.options, (t) => restoreAndGoOn(t, way))

async function restoreAndGoOn(t: Test, { create, copy, keyEncryptionKey }: Way): Promise<void> {
  const settings = { issuer, keyEncryptionKey }
  const old = await startTestServer(t, settings, create)
  const partner = await old.create({ grantTypes: ['client_credentials', 'refresh_token'] })
  const signed = await old.create({ name: 'Signed', tokenFormat: 'jwt' })
  const gateway = await old.create(resourceServer)
  const before = await obtainTokens(old, partner)
  const jwt = (await obtainTokens(old, signed)).access_token

  const issuing = issueUntilStopped(old, partner)
  const backup = await copy(old.database.url)
  t.ok((await issuing.stop()) > 0, 'tokens were issued meanwhile')

  const restored = await startTestServer(t, settings, async () => backup)
  t.match(await look(restored, gateway, before.access_token), { active: true, client_id: partner.client.id })
  t.match(await look(restored, gateway, jwt), { active: true, client_id: signed.client.id })
  const jwks = await (await fetch(`${restored.url}/.well-known/jwks.json`)).json()
  const { payload } = await jwtVerify(jwt, createLocalJWKSet(jwks as JSONWebKeySet), {
    issuer,
    typ: 'at+jwt',
  })
  t.equal(payload.client_id, signed.client.id, 'what was signed before verifies')

  t.ok((await obtainTokens(restored, partner)).access_token, 'clients authenticate')
  t.equal((await obtainTokens(restored, signed)).access_token.split('.').length, 3, 'the keys sign')
  let refreshToken = before.refresh_token
  for (const round of [1, 2]) {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
    const response = await restored.post('/oauth/token', form, basic(partner))
    t.equal(response.status, 200, `refresh token ${round} rotates`)
    const answer = (await response.json()) as { refresh_token: string }
    t.not(answer.refresh_token, refreshToken)
    refreshToken = answer.refresh_token
  }
}

t.test('a database that is restored without its key file does not start, and the cure is told', async (t) => {
  const old = await startTestServer(t)
  const copy = await copySqlite((from, to) => run('cp', [from, to]))(await checkpointed(old))
  t.teardown(copy.drop)
  rmSync(`${fileOf(copy.url)}.key`)
  const settings = defaultOAuthServerSettings({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    database: copy.url,
  })
  await t.rejects(startOAuthServer(settings, captureLog().log), /keys rotate --immediately/)
})

/** The URL of the server's database, with everything in the one file. */
async function checkpointed({ database: { url } }: TestServer): Promise<string> {
  const db = new DatabaseSync(fileOf(url), { timeout: 5_000 })
  db.exec('pragma wal_checkpoint(truncate)')
  db.close()
  return url
}

async function look(server: TestServer, asker: ClientWithSecret, token: string): Promise<unknown> {
  return (await server.post('/oauth/introspect', { token }, basic(asker))).json()
}

/** Asks for one token after the other. */
function issueUntilStopped(server: TestServer, client: ClientWithSecret) {
  const state = { isStopped: false, issued: 0 }
  const issuing = (async () => {
    while (!state.isStopped) {
      await obtainTokens(server, client)
      state.issued += 1
    }
  })()
  return {
    async stop() {
      state.isStopped = true
      await issuing
      return state.issued
    },
  }
}

function fileOf(url: string): string {
  return url.replace(/^sqlite:/, '')
}

function copySqlite(backUp: (from: string, to: string) => Promise<unknown>) {
  return async (url: string): Promise<TestDatabase> => {
    const target = await createSqlite()
    const [from, to] = [fileOf(url), fileOf(target.url)]
    await backUp(from, to)
    copyFileSync(`${from}.key`, `${to}.key`)
    return target
  }
}

async function copyPostgres(url: string): Promise<TestDatabase> {
  const folder = await createSqlite()
  const dump = `${fileOf(folder.url)}.dump`
  const target = await createPostgres()
  try {
    await run('pg_dump', ['--format', 'custom', '--file', dump, url])
    await run('pg_restore', ['--exit-on-error', '--dbname', target.url, dump])
    return target
  } finally {
    await folder.drop()
  }
}
