import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { hashCredential } from '../../oauth-server/credentials.ts'
import {
  basic,
  formCredentials,
  obtainTokens,
  resourceServer,
  startTestServer,
} from '../support/oauth-server.ts'

t.test('no secret and no token is in the database files, only their hashes', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ grantTypes: ['client_credentials', 'refresh_token'] })
  const tokens = await obtainTokens(server, client)
  const folder = dirname(server.database.url.slice('sqlite:'.length))
  // The write-ahead log is among them.
  const dump = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name)))).toString(
    'latin1',
  )
  for (const credential of [client.secret, tokens.access_token, tokens.refresh_token]) {
    t.notOk(dump.includes(credential))
    t.notOk(dump.includes(credential.slice(4)), 'nor without its prefix')
    t.ok(dump.includes(hashCredential(credential)), 'its hash is, so the dump is of the right files')
  }
})

t.test('nothing that a client sends gets into the log but its id', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create({ grantTypes: ['client_credentials', 'refresh_token'] })
  const gateway = await server.create(resourceServer)
  const tokens = await obtainTokens(server, client)
  await server.post('/oauth/token', { grant_type: 'client_credentials', ...formCredentials(client) })
  await server.post('/oauth/token?sentinel=1', { grant_type: 'sentinel', sentinel: 'x' }, basic(client))
  await server.post('/oauth/token', { client_id: 'sentinel', client_secret: 'sentinel' })
  await server.post(
    '/oauth/introspect',
    { token: tokens.access_token },
    { ...basic(gateway), 'x-a': 'sentinel' },
  )
  await fetch(`${server.url}/oauth/verifToken?access_token=${tokens.access_token}`, {
    headers: basic(gateway),
  })
  await fetch(`${server.url}/oauth/verifToken/${tokens.access_token}`)
  await server.db.schema.dropTable('access_tokens').execute()
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  t.equal((await server.post('/oauth/token', form, basic(client))).status, 500)
  const log = server.logLines.join('')
  t.match(log, /"reason":"no such table: (main\.)?access_tokens"/, 'the cause of the failure is logged')
  t.notMatch(log, /sentinel/)
  for (const credential of [client.secret, gateway.secret, tokens.access_token, tokens.refresh_token]) {
    t.notOk(log.includes(credential))
    t.notOk(log.includes(hashCredential(credential)))
  }
  t.notOk(log.includes(basic(client).authorization.slice('Basic '.length)))
})

t.test('a request is logged as one line with its client', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  await obtainTokens(server, client)
  await fetch(`${server.url}/nowhere/at/all`)
  const lines = server.logLines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  t.match(lines, [
    { method: 'POST', path: '/oauth/token', status: 200, ms: Number, client_id: client.client.id },
    { method: 'GET', path: '(unknown)', status: 404, ms: Number },
  ])
  t.equal(lines.length, 2)
})

t.test('a failure of the database is a 500 that does not say what failed', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  await server.db.schema.dropTable('access_tokens').execute()
  const response = await server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(client))
  t.equal(response.status, 500)
  t.strictSame(await response.json(), {
    error: 'server_error',
    error_description: 'The server failed; the cause is in its log.',
  })
})
