import t, { type Test } from 'tap'
import type { NewClient } from '../../oauth-server/clients/client-registry.ts'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { parseForm, readResources } from '../../oauth-server/endpoints/form.ts'
import { RequestRefused, refusals } from '../../oauth-server/errors.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { basic, ordinaryClient, resourceServer, startTestServer, tester } from '../support/oauth-server.ts'

const films = 'https://films.example.org/'
const stats = 'https://stats.example.org/v1?x=1'
const other = 'urn:example:other'

interface Answer {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
  readonly error?: string
}

async function start(t: Test, wanted: Partial<NewClient> = {}) {
  const server = await startTestServer(t)
  const resources = new ResourceRegistry(server.db, new Changes(server.db, () => server.clock.now))
  for (const uri of [films, stats, other]) await resources.create({ uri, name: uri }, tester)
  const client = await server.create({
    grantTypes: ['client_credentials', 'refresh_token'],
    audiences: [films, stats],
    ...wanted,
  })
  const gateway = await server.create(resourceServer)
  const ask = async (form: Record<string, string>, asked: readonly string[] = []) => {
    const body = new URLSearchParams([
      ...Object.entries(form),
      ...asked.map((uri): [string, string] => ['resource', uri]),
    ])
    const response = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      body,
      headers: basic(client),
    })
    return { status: response.status, body: (await response.json()) as Answer }
  }
  const inspect = async (token: string, asker = gateway) => {
    const response = await server.post('/oauth/introspect', { token }, basic(asker))
    return (await response.json()) as { active: boolean; aud?: unknown }
  }
  const refresh = (refresh_token: string, asked: readonly string[] = []) =>
    ask({ grant_type: 'refresh_token', refresh_token }, asked)
  const get = (asked: readonly string[] = []) => ask({ grant_type: 'client_credentials' }, asked)
  return { server, resources, client, gateway, get, refresh, inspect }
}

t.test(
  'A22: a token is for the resources that were asked for, and for all of the client where none was',
  async (t) => {
    const { server, client, get, inspect } = await start(t)
    t.equal((await inspect((await get([films])).body.access_token)).aud, films)
    t.strictSame((await inspect((await get([stats, films, stats])).body.access_token)).aud, [stats, films])
    t.strictSame((await inspect((await get()).body.access_token)).aud, [films, stats])
    t.strictSame((await inspect((await get(['', films])).body.access_token)).aud, films, 'empty is left out')
    const twice = { membersOf: () => ({ audiences: [stats, films, stats] }) }
    const changed = await server.registry.change(client.client.id, twice, tester)
    t.strictSame(changed.audiences, [films, stats], 'each is there once')
    t.equal((await get()).status, 200)
  },
)

t.test('A22: a resource that is unknown, malformed or not for the client is an invalid target', async (t) => {
  const { server, get } = await start(t)
  const bad = [
    other,
    'https://nobody.example.org',
    'films',
    `${films}#x`,
    `${films}x`,
    films.toUpperCase(),
    `${films} ${stats}`,
    '💡',
  ]
  for (const uri of bad)
    for (const asked of [[uri], [films, uri]])
      t.match(await get(asked), { status: 400, body: { error: 'invalid_target' } }, uri)
  const many = Array.from({ length: 60 }, (_, index) => `https://${index}.example.org`)
  t.match(await get(many), { status: 400, body: { error: 'invalid_target' } })
  await server.db.deleteFrom('resources').where('uri', '=', stats).execute()
  t.match(await get(), { status: 400, body: { error: 'invalid_target' } }, 'one that went never widens it')
  t.equal((await get([films])).status, 200)
})

t.test('A22: a client without audiences may ask for none, and its tokens are for any', async (t) => {
  const { get, inspect } = await start(t, { audiences: [] })
  t.match(await get([films]), { status: 400, body: { error: 'invalid_target' } })
  t.equal('aud' in (await inspect((await get()).body.access_token)), false)
})

t.test('A13, A22: refreshing narrows the audience and never widens it', async (t) => {
  const { server, client, get, refresh, inspect } = await start(t)
  const first = (await get([films, stats])).body
  const narrow = (await refresh(first.refresh_token, [films])).body
  t.equal((await inspect(narrow.access_token)).aud, films)
  const whole = (await refresh(narrow.refresh_token)).body
  t.strictSame((await inspect(whole.access_token)).aud, [films, stats], 'the refresh token keeps the whole')
  const bound = (await get([films])).body
  t.match(await refresh(bound.refresh_token, [stats]), { status: 400, body: { error: 'invalid_target' } })
  t.match(await refresh(bound.refresh_token, [films, stats]), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  await server.db
    .updateTable('clients')
    .set({ audiences: stats })
    .where('id', '=', client.client.id)
    .execute()
  t.match(
    await refresh(bound.refresh_token),
    { status: 400, body: { error: 'invalid_target' } },
    'it lost films',
  )
  t.equal((await inspect((await refresh(whole.refresh_token)).body.access_token)).aud, stats)
  await server.db
    .updateTable('clients')
    .set({ audiences: films })
    .where('id', '=', client.client.id)
    .execute()
  t.equal((await refresh(bound.refresh_token)).status, 200, 'and the refusals have not used it up')
})

t.test('A15: a resource server sees the tokens for its own audience, and those for none', async (t) => {
  const { server, get, inspect } = await start(t)
  const ofFilms = await server.create({ ...resourceServer, audiences: [films] })
  const ofOther = await server.create({ ...resourceServer, audiences: [other] })
  const { access_token } = (await get([films, stats])).body
  t.equal((await inspect(access_token, ofFilms)).active, true)
  t.strictSame(await inspect(access_token, ofOther), { active: false })
  t.equal((await inspect(access_token)).active, true, 'a gateway sees all')
  const verify = async (asker: typeof ofFilms) => {
    const url = `${server.url}/oauth/verifToken?access_token=${access_token}`
    return (await fetch(url, { headers: basic(asker) })).status
  }
  t.equal(await verify(ofFilms), 200)
  t.equal(await verify(ofOther), 401, 'verifToken keeps to the same')
  const unbound = await server.create()
  const response = await server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(unbound))
  t.equal((await inspect(((await response.json()) as Answer).access_token, ofOther)).active, true)
})

t.test('A5, A22: the shortest lifetime of client and resources counts, and expires_in says it', async (t) => {
  const { server, resources, get, refresh, inspect } = await start(t)
  const { access_token, refresh_token, expires_in } = (await get([films])).body
  t.equal(expires_in, 3_600, "where nobody says anything it is the server's")
  await server.db
    .updateTable('resources')
    .set({ access_token_lifetime_ms: 90_000 })
    .where('uri', '=', films)
    .execute()
  await server.db.updateTable('clients').set({ access_token_lifetime_ms: 7_200_000 }).execute()
  t.equal((await get([stats])).body.expires_in, 7_200)
  t.equal((await get([films])).body.expires_in, 90)
  t.equal((await get()).body.expires_in, 90)
  const short = (await refresh(refresh_token, [films])).body
  t.equal(short.expires_in, 90)
  server.clock.now += 90_000 - 1
  t.equal((await inspect(short.access_token)).active, true)
  server.clock.now += 1
  t.equal((await inspect(short.access_token)).active, false)
  t.equal((await inspect(access_token)).active, true)
  t.equal((await resources.list()).length, 3)
})

t.test('resources obey their rules, and one that a client names is not deleted', async (t) => {
  const { server, resources } = await start(t)
  const make = (more: object) => resources.create({ uri: 'https://x.example', name: 'X', ...more }, tester)
  await t.rejects(make({ uri: films }), { name: 'ChangeConflict', code: 'exists' })
  await t.rejects(make({ uri: 'x' }), { message: /the resource's URI "x" must be an absolute URI/ })
  await t.rejects(make({ name: '' }), { message: /the resource's name "" must be 1 to 100 printable/ })
  await t.rejects(make({ tokenFormat: 'saml' }), {
    message: /token format "saml" must be one of opaque, jwt/,
  })
  await t.rejects(make({ accessTokenLifetimeMs: 999 }), { message: /"999ms" must be from 1s to 366d/ })
  await t.rejects(resources.delete(films, tester), {
    message: /is an audience of the client tracks-\w+: take/,
  })
  await t.rejects(resources.delete('https://x.example', tester), { name: 'ThingNotFound' })
  await resources.delete(other, tester)
  await t.rejects(server.registry.create({ ...ordinaryClient, audiences: [other] }, tester), {
    name: 'ClientRuleBroken',
    message: /the client's audience "urn:example:other" is not known: make it first/,
  })
  const entries = await server.db.selectFrom('audit_entries').select('action').execute()
  t.equal(entries.filter(({ action }) => action === 'resource.created').length, 3)
  t.equal(entries.filter(({ action }) => action === 'resource.deleted').length, 1)
})

t.test('A1: resource is the only parameter that may be repeated', (t) => {
  t.strictSame(readResources(parseForm('resource=a&resource=&resource=b+c&resource=a')), ['a', 'b c', 'a'])
  t.strictSame(readResources(parseForm('resource=&resource=')), [])
  t.strictSame(readResources(parseForm('')), [])
  for (const text of ['scope=a&scope=a', 'resource[]=a&resource[]=b', 'Resource=a&Resource=b'])
    t.throws(() => parseForm(text), new RequestRefused(refusals.repeatedParameter))
  t.throws(
    () => parseForm('resource=a%0Ab'),
    new RequestRefused(refusals.malformedForm),
    'no second one inside',
  )
  t.end()
})
