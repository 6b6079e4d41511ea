import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { isStoreUnavailable } from '../../oauth-server/store/unavailable.ts'
import { ExpiredTokenSweeper } from '../../oauth-server/tokens/expired-token-sweeper.ts'
import { captureLog } from '../support/captured-log.ts'
import { createPostgres, createSqlite } from '../support/databases.ts'
import { obtainTokens, startTestServer } from '../support/oauth-server.ts'
import { needs, postgres } from '../support/services.ts'

t.test('healthz says whether the database answers', async (t) => {
  const server = await startTestServer(t)
  const response = await fetch(`${server.url}/healthz`)
  t.equal(response.status, 200)
  t.strictSame(await response.json(), { status: 'ok' })
})

t.test('a database that went away is a 503, and its return is noticed', await needs(postgres), async (t) => {
  const database = await createPostgres()
  const forwarder = await forward(Number(new URL(database.url).port))
  const url = new URL(database.url)
  url.port = String(forwarder.port)
  const { log, lines } = captureLog()
  const settings = defaultOAuthServerSettings({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    database: url.href,
  })
  const server = await startOAuthServer(settings, log)
  t.teardown(async () => {
    await server.close()
    forwarder.cut()
    await database.drop()
  })
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  forwarder.cut()
  t.equal((await fetch(`${server.url}/healthz`)).status, 503)
  const form = { grant_type: 'client_credentials', client_id: 'a', client_secret: 'b' }
  const post = () => fetch(`${server.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
  const response = await post()
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '1')
  t.strictSame(await response.json(), {
    error: 'temporarily_unavailable',
    error_description: 'The server cannot reach its database at the moment.',
  })
  t.match(lines.join(''), /ECONNREFUSED/, 'the log says why')
  await forwarder.restore()
  t.equal((await post()).status, 401, 'back at work')
})

/** A way to the database that can be cut. */
async function forward(target: number) {
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(target, '127.0.0.1')
    for (const socket of [inner, outer]) sockets.add(socket.on('error', () => undefined))
    inner.pipe(outer).pipe(inner)
  })
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening')
  await listen(0)
  const { port } = server.address() as AddressInfo
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port, cut, restore: () => listen(port) }
}

t.test('what may pass by itself is told from what will not', (t) => {
  const withMember = (members: object) => Object.assign(new Error('x'), members)
  for (const code of ['ECONNREFUSED', 'ECONNRESET', '57P01', '53300', '08006', '40P01'])
    t.equal(isStoreUnavailable(withMember({ code })), true, code)
  t.equal(isStoreUnavailable(new Error('timeout exceeded when trying to connect')), true)
  t.equal(isStoreUnavailable(withMember({ code: 'ERR_SQLITE_ERROR', errcode: 5 })), true, 'SQLITE_BUSY')
  t.equal(
    isStoreUnavailable(withMember({ code: 'ERR_SQLITE_ERROR', errcode: 517 })),
    true,
    'SQLITE_BUSY_SNAPSHOT',
  )
  t.equal(isStoreUnavailable(withMember({ code: 'ERR_SQLITE_ERROR', errcode: 1 })), false)
  t.equal(isStoreUnavailable(withMember({ code: '42P01' })), false, 'no such table')
  t.equal(isStoreUnavailable(new Error('x')), false)
  t.equal(isStoreUnavailable('x'), false)
  t.end()
})

t.test('a database that cannot be opened is told in one line without its password', async (t) => {
  const failure = async (url: string) => {
    const error = await openDatabase(url).catch((caught: unknown) => caught)
    t.match(error, { name: 'DatabaseOpenError' })
    const { message } = error as Error
    t.notMatch(message, /\n|s3ntinel/)
    return message
  }
  t.match(await failure('mysql://user:s3ntinel@host/db'), /its URL must be sqlite:FILE/)
  // Where Node's recursive mkdir would never return.
  const cure = 'Make it and give it to this user, or name another place'
  t.equal(
    await failure('sqlite:/proc/missing/deeper/x.db'),
    `the database cannot be opened: /proc/missing/deeper/x.db: the folder /proc/missing cannot be made: the system answers ENOENT. ${cure}`,
  )
  t.equal(
    await failure('sqlite:/dev/null/x.db'),
    `the database cannot be opened: /dev/null/x.db: the folder /dev/null cannot be made: a file has that name. ${cure}`,
  )
  t.match(await failure('postgres://user:s3ntinel@127.0.0.1:1/db'), /ECONNREFUSED/)
})

t.test('a taken port is told, and nothing is left running', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const database = await createSqlite()
  t.teardown(() => database.drop())
  const { port } = taken.address() as AddressInfo
  const settings = defaultOAuthServerSettings({
    listen: { host: '127.0.0.1', port },
    admin: { host: '127.0.0.1', port: 0 },
    database: database.url,
  })
  await t.rejects(startOAuthServer(settings, captureLog().log), {
    message: /the oauth-server cannot listen on .*taken/,
  })
})

t.test('the sweeper removes what has expired, and stops when it is told', async (t) => {
  const server = await startTestServer(t, { accessTokenLifetimeMs: 1_000 })
  const client = await server.create()
  await obtainTokens(server, client)
  await obtainTokens(server, client)
  server.clock.now += 1_000
  await obtainTokens(server, client)
  const { lines, log } = captureLog()
  const sweeper = new ExpiredTokenSweeper({ db: server.db, now: () => server.clock.now, log })
  await sweeper.sweep()
  t.equal((await server.db.selectFrom('access_tokens').select('hash').execute()).length, 1)
  t.strictSame(lines, [])
  await server.db.schema.dropTable('access_tokens').execute()
  await sweeper.sweep()
  t.match(lines.join(''), /expired tokens were not removed/, 'a failure is logged and does not throw')
  await sweeper.stop()
  await sweeper.sweep()
  t.equal(lines.length, 1, 'after its end it does nothing')
})
