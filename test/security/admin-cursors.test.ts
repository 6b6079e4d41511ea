/**
 * Somebody who may look into the admin API sends cursors and ids that this server has never given: of another list, made
 * up, or with bytes that a database refuses. Whatever it is, the answer is no failure of the server, on either database.
 */
import t from 'tap'
import { createAdmin } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestServer } from '../support/oauth-server.ts'

const keys = [['a', 'b'], ['a'], [1], [1, 2], ['1', 'x'], [Number.MAX_SAFE_INTEGER], [-1, '\ud800'], ['', '']]

const lists = ['clients', 'clients?name=t', 'clients?id=t', 'clients?role=USER', 'users', 'users?username=a']
const things = ['clients', 'users', 'roles', 'plans']

for (const kind of await databaseKinds())
  t.test(`cursors and ids that nobody has given, on ${kind.name}`, kind.options, async (t) => {
    const server = await startTestServer(t, {}, kind.create)
    const { call, id } = await createAdmin(server)
    for (const list of [...lists, 'audit', 'plans', 'roles', `clients/${id}/tokens`])
      for (const key of keys) {
        const cursor = Buffer.from(JSON.stringify(key)).toString('base64url')
        const { status, body } = await call(`GET /${list}${list.includes('?') ? '&' : '?'}cursor=${cursor}`)
        t.match(status, /^(?:200|400)$/, `${list} ${JSON.stringify(key)}`)
        if (status === 400) t.equal(body.member, 'cursor')
      }
    for (const thing of things)
      for (const route of [`GET /${thing}/%00`, `DELETE /${thing}/x%00y`, `PATCH /${thing}/x%00y`]) {
        const answer = await call(route, route.startsWith('PATCH') ? {} : undefined)
        t.match(answer, { status: 404, body: { type: 'urn:passerelle:admin:error:not-found' } }, route)
      }
    for (const route of ['GET /users/%00/tokens', 'DELETE /users/%00/tokens', 'POST /users/%00/disable'])
      t.equal((await call(route)).status, 404, route)
  })
