import t from 'tap'
import { basic, formCredentials, publicClient, startTestServer, tester } from '../support/oauth-server.ts'

const grant = { grant_type: 'client_credentials' }

t.test('a client authenticates by HTTP Basic or in the form', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  t.equal((await server.post('/oauth/token', grant, basic(client))).status, 200)
  t.equal((await server.post('/oauth/token', { ...grant, ...formCredentials(client) })).status, 200)
  const repeatedId = { ...grant, client_id: client.client.id }
  t.equal(
    (await server.post('/oauth/token', repeatedId, basic(client))).status,
    200,
    'its id may be repeated',
  )
  const scheme = { authorization: basic(client).authorization.replace('Basic', 'bASIC') }
  t.equal((await server.post('/oauth/token', grant, scheme)).status, 200, 'the scheme has no case')
})

t.test('A2: a client that has one way to send its secret is refused the other', async (t) => {
  const server = await startTestServer(t)
  for (const [authMethod, byBasic, byForm] of [
    ['client_secret', 200, 200],
    ['client_secret_basic', 200, 401],
    ['client_secret_post', 401, 200],
  ] as const) {
    const client = await server.create({ authMethod })
    t.equal((await server.post('/oauth/token', grant, basic(client))).status, byBasic, authMethod)
    const inForm = await server.post('/oauth/token', { ...grant, ...formCredentials(client) })
    t.equal(inForm.status, byForm, authMethod)
  }
})

t.test('A6: a public client has no token of its own, and looks nothing up', async (t) => {
  const server = await startTestServer(t)
  const { client } = await server.registry.create(publicClient, tester)
  const { client_id } = { client_id: client.id }
  const own = await server.post('/oauth/token', { ...grant, client_id })
  t.equal(own.status, 400)
  t.match(await own.json(), { error: 'unauthorized_client' })
  await server.db.updateTable('clients').set({ grant_types: 'client_credentials' }).execute()
  const smuggled = await server.post('/oauth/token', { ...grant, client_id })
  t.match(await smuggled.json(), { error: 'unauthorized_client' }, 'whatever is registered')
  const inspected = await server.post('/oauth/introspect', { token: 'x', client_id })
  t.equal(inspected.status, 401)
  t.match(await inspected.json(), { error: 'invalid_client' })
  t.equal(inspected.headers.get('www-authenticate'), null, 'as for any id in the form')
  for (const secret of ['x', 'psk_x']) {
    const form = { ...grant, client_id, client_secret: secret }
    t.equal((await server.post('/oauth/token', form)).status, 401, 'a secret where there is none')
    const header = { authorization: `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}` }
    t.equal((await server.post('/oauth/token', grant, header)).status, 401)
  }
})

t.test('A12: there is no password grant, and no other that is not named', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  for (const grant_type of [
    'password',
    'implicit',
    'token',
    'CLIENT_CREDENTIALS',
    '__proto__',
    'credentials',
  ]) {
    const form = { grant_type, username: 'a', password: 'b' }
    const response = await server.post('/oauth/token', form, basic(client))
    t.equal(response.status, 400, grant_type)
    t.match(await response.json(), { error: 'unsupported_grant_type' }, grant_type)
  }
})

t.test('A2: Basic credentials are form-decoded, because strict libraries encode even - and _', async (t) => {
  const server = await startTestServer(t)
  const { client, secret } = await server.create()
  const strictly = (text: string) =>
    [...text]
      .map((sign) => (/[A-Za-z0-9]/.test(sign) ? sign : `%${sign.charCodeAt(0).toString(16)}`))
      .join('')
  const encoded = Buffer.from(`${strictly(client.id)}:${strictly(secret)}`).toString('base64')
  const response = await server.post('/oauth/token', grant, { authorization: `Basic ${encoded}` })
  t.equal(response.status, 200)
})

t.test('ids and secrets are the same with and without url-encoding', async (t) => {
  const server = await startTestServer(t)
  const { client, secret } = await server.create({ name: 'Café & Söhne: 100 % ~ +' })
  t.match(client.id, /^cafe-sohne-100-[a-z0-9]{8}$/)
  t.match(secret, /^psk_[A-Za-z0-9]{43}$/)
  t.equal(encodeURIComponent(client.id + secret), client.id + secret)
})

t.test('A2: two ways at once are refused', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  const other = await server.create()
  const both = await server.post('/oauth/token', { ...grant, ...formCredentials(client) }, basic(client))
  t.equal(both.status, 400)
  t.match(await both.json(), { error: 'invalid_request' })
  const otherId = await server.post('/oauth/token', { ...grant, client_id: other.client.id }, basic(client))
  t.equal(otherId.status, 400, 'a header and a form that name different clients')
})

t.test('A3: unknown, wrong, disabled and missing credentials get one and the same answer', async (t) => {
  const server = await startTestServer(t)
  const client = await server.create()
  const disabled = await server.create()
  await server.db
    .updateTable('clients')
    .set({ disabled_at: 1 })
    .where('id', '=', disabled.client.id)
    .execute()
  const expired = await server.create()
  const revoked = await server.create()
  const basicOnly = await server.create({ authMethod: 'client_secret_basic' })
  const secretOf = ({ client: { id } }: { client: { id: string } }) => ['client_id', '=', id] as const
  await server.db
    .updateTable('client_secrets')
    .set({ expires_at: 1 })
    .where(...secretOf(expired))
    .execute()
  await server.db
    .deleteFrom('client_secrets')
    .where(...secretOf(revoked))
    .execute()
  const { id } = client.client
  const attempts: readonly (readonly [string, Record<string, string>, Record<string, string>])[] = [
    ['an unknown id', { client_id: 'nobody-12345678', client_secret: 'x' }, {}],
    ['an id that cannot be one', { client_id: "' or 1=1 --", client_secret: 'x' }, {}],
    ['an id longer than any', { client_id: 'a'.repeat(4_000), client_secret: 'x' }, {}],
    ['a wrong secret', { client_id: id, client_secret: 'psk_wrong' }, {}],
    ['no secret', { client_id: id }, {}],
    ['an empty secret', { client_id: id, client_secret: '' }, {}],
    ["the secret's hash", { client_id: id, client_secret: await storedHash() }, {}],
    ['a secret without an id', { client_secret: 'psk_wrong' }, {}],
    ['an assertion that is none', { client_assertion: 'x' }, {}],
    ['no credentials', {}, {}],
    ['an expired secret', formCredentials(expired), {}],
    ['a revoked secret', formCredentials(revoked), {}],
    ['a secret sent in another way than the client’s', formCredentials(basicOnly), {}],
    ['a disabled client', formCredentials(disabled), {}],
    ['a disabled client by Basic', {}, basic(disabled)],
    ['another scheme', {}, { authorization: 'Bearer pat_x' }],
    ['Basic without base64', {}, { authorization: 'Basic ???' }],
    ['Basic without a colon', {}, { authorization: `Basic ${Buffer.from(id).toString('base64')}` }],
    ['Basic with NUL', {}, { authorization: `Basic ${Buffer.from(`${id}\0:x`).toString('base64')}` }],
    ['an empty header', {}, { authorization: '' }],
    // The library looks a client up without a secret when a code_verifier comes along (its issue 81).
    ['a code_verifier instead of a secret', { client_id: id, code_verifier: 'a'.repeat(43) }, {}],
  ]
  const answers = new Set<string>()
  for (const [title, form, headers] of attempts) {
    const response = await server.post('/oauth/token', { ...grant, ...form }, headers)
    t.equal(response.status, 401, title)
    const isInForm = Object.keys(form).length > 0
    const challenge = isInForm ? null : 'Basic realm="passerelle", charset="UTF-8"'
    t.equal(response.headers.get('www-authenticate'), challenge, title)
    answers.add(await response.text())
  }
  t.equal(answers.size, 1, 'not a byte of the body differs')
  t.match([...answers][0], /"error":"invalid_client"/)

  async function storedHash() {
    const row = await server.db
      .selectFrom('client_secrets')
      .selectAll()
      .where('client_id', '=', id)
      .executeTakeFirstOrThrow()
    return row.hash
  }
})

t.test('a code_verifier with the authorization_code grant does not stand in for the secret', async (t) => {
  const server = await startTestServer(t)
  const { client } = await server.create()
  const response = await server.post('/oauth/token', {
    grant_type: 'authorization_code',
    client_id: client.id,
    code: 'x',
    code_verifier: 'a'.repeat(43),
  })
  t.equal(response.status, 401)
})

t.test('A2: credentials in the query are never read', async (t) => {
  const server = await startTestServer(t)
  const query = new URLSearchParams(formCredentials(await server.create()))
  t.equal((await server.post(`/oauth/token?${query}`, grant)).status, 401)
})
