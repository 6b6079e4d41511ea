import t from 'tap'
import { createAdmin } from '../../support/admin-client.ts'
import { startTestServer } from '../../support/oauth-server.ts'

t.test('RFC 9110 §15.5.6: a place refuses other methods by a 405 that names its own', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  const refused: readonly (readonly [route: string, allow: string])[] = [
    ['PUT /clients', 'GET, POST'],
    ['DELETE /clients?limit=1', 'GET, POST'],
    ['OPTIONS /roles', 'GET, POST'],
    ['POST /clients/some-client', 'DELETE, GET, PATCH'],
    ['PUT /clients/some%2Fclient', 'DELETE, GET, PATCH'],
    ['GET /users/some-user/password', 'PUT'],
    ['PUT /users/bulk', 'DELETE, GET, PATCH, POST'],
    ['DELETE /audit', 'GET'],
    ['POST /healthz', 'GET'],
  ]
  for (const [route, allow] of refused) {
    const answer = await call(route)
    t.equal(answer.status, 405, route)
    t.equal(answer.headers.get('allow'), allow, route)
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
    t.match(answer.body, {
      type: 'urn:passerelle:admin:error:method-not-allowed',
      status: 405,
      detail: `This place takes ${allow} only; see /openapi.json.`,
    })
  }
  t.equal((await call('HEAD /clients')).headers.get('allow'), 'GET, POST')
})

t.test('a place that is not there stays a 404, whatever the method', async (t) => {
  const server = await startTestServer(t)
  const { call } = await createAdmin(server)
  for (const route of ['GET /nowhere', 'PUT /clients/', 'POST /clients/a/b', 'DELETE /', 'PUT //clients']) {
    const answer = await call(route)
    t.match(answer, { status: 404, body: { type: 'urn:passerelle:admin:error:not-found' } }, route)
    t.equal(answer.headers.get('allow'), null)
  }
})

t.test('A21: who is no administrator is not told which methods there are', async (t) => {
  const server = await startTestServer(t)
  const response = await fetch(`${server.adminUrl}/clients`, { method: 'PUT' })
  t.equal(response.status, 401)
  t.equal(response.headers.get('allow'), null)
})
