import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Administration, createAdministration } from '../../oauth-server/admin/services.ts'
import type { NewClient } from '../../oauth-server/clients/client-registry.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import type { Page, PageRequest } from '../../oauth-server/store/bounded-scan.ts'
import type { Affected } from '../../oauth-server/store/changes.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { importUsers } from '../../oauth-server/users/user-import.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { tester } from '../support/oauth-server.ts'

for (const kind of await databaseKinds())
  t.test(`administration on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

const day = 86_400_000

const ordinary: NewClient = {
  name: 'Tracks',
  roles: [],
  scopes: ['user'],
  quota: { limit: 1_000, windowMs: 3_600_000 },
  grantTypes: ['client_credentials'],
}

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('of many who make the same thing at once one does, and the others are told so', async (t) => {
    const { roles, plans, resources } = await open(t, kind)
    const uri = 'https://films.example/'
    const makers: Readonly<Record<string, () => Promise<unknown>>> = {
      'role "R"': () => roles.create({ name: 'R', description: '' }, tester),
      'plan "gold"': () =>
        plans.create({ id: 'gold', name: 'Gold', roles: [], quota: ordinary.quota }, tester),
      [`resource "${uri}"`]: () => resources.create({ uri, name: 'Films' }, tester),
    }
    for (const [thing, make] of Object.entries(makers)) {
      const rivals = await Promise.allSettled(Array.from({ length: 5 }, make))
      t.equal(rivals.filter(({ status }) => status === 'fulfilled').length, 1, thing)
      const told = { name: 'ChangeConflict', code: 'exists', message: `there is a ${thing} already` }
      for (const rival of rivals) if (rival.status === 'rejected') t.match(rival.reason, told, thing)
      await t.rejects(make(), told, 'one after the other too')
    }
  })

  t.test('of many who make the first administrator at once one does, and the others are told', async (t) => {
    const { clients } = await open(t, kind)
    const admin = { ...ordinary, name: 'Admin', scopes: ['admin'] }
    const rivals = await Promise.allSettled(
      Array.from({ length: 5 }, () => clients.create(admin, tester, { isFirstAdmin: true })),
    )
    const made = rivals.flatMap((rival) => (rival.status === 'fulfilled' ? [rival.value.client.id] : []))
    t.equal(made.length, 1)
    for (const rival of rivals)
      if (rival.status === 'rejected')
        t.match(rival.reason, {
          name: 'ChangeConflict',
          code: 'exists',
          message: `the client ${made[0]} may`,
        })
    t.equal((await clients.page({}, { limit: 10, after: undefined })).items.length, 1)
    await clients.create(admin, tester)
  })

  t.test(
    'clients are found by the beginning of id or name, role, plan and state, page by page',
    async (t) => {
      const { clients, plans, db } = await open(t, kind)
      await plans.create({ id: 'gold', name: 'Gold', roles: [], quota: ordinary.quota }, tester)
      for (let index = 0; index < 60; index += 1) {
        const wanted = {
          ...ordinary,
          name: index % 2 === 0 ? `Größe ${index}` : `alpha-${index}`,
          roles: index % 3 === 0 ? ['EDITOR', 'USER'] : ['USER'],
          planId: index % 5 === 0 ? 'gold' : null,
        }
        const { client } = await clients.create(wanted, tester, { createRoles: true })
        if (index % 7 === 0) await clients.disable(client.id, tester)
      }
      const all = (await db.selectFrom('clients').selectAll().execute()).map((row) => ({
        ...row,
        roles: row.roles.split(' '),
      }))
      type Row = (typeof all)[number]
      const searches: readonly (readonly [Parameters<typeof clients.page>[0], (row: Row) => boolean])[] = [
        [{}, () => true],
        [{ idPrefix: 'alpha-1' }, ({ id }) => id.startsWith('alpha-1')],
        [{ namePrefix: 'GRÖSSE' }, () => false],
        [{ namePrefix: 'grÖße 1' }, ({ name }) => name.startsWith('Größe 1')],
        [{ role: 'EDITOR' }, ({ roles }) => roles.includes('EDITOR')],
        [{ role: 'editor' }, () => false],
        [{ planId: 'gold' }, ({ plan_id }) => plan_id === 'gold'],
        [{ isDisabled: true }, ({ disabled_at }) => disabled_at !== null],
        [{ isDisabled: false }, ({ disabled_at }) => disabled_at === null],
        [
          { role: 'EDITOR', idPrefix: 'g' },
          ({ id, roles }) => id.startsWith('g') && roles.includes('EDITOR'),
        ],
        [
          { namePrefix: 'a', role: 'EDITOR', planId: 'gold', isDisabled: false },
          ({ name, roles, plan_id, disabled_at }) =>
            name.startsWith('a') && roles.includes('EDITOR') && plan_id === 'gold' && disabled_at === null,
        ],
      ]
      for (const [filter, isWanted] of searches)
        for (const limit of [1, 7, 200]) {
          const found = await collect((request) => clients.page(filter, request), limit)
          const expected = all.filter(isWanted).map(({ id }) => id)
          t.strictSame(
            found.map(({ id }) => id).sort(),
            expected.sort(),
            `${JSON.stringify(filter)} by ${limit}`,
          )
        }
      t.strictSame(
        (await collect((request) => clients.page({}, request), 9)).map(({ createdAt }) => createdAt),
        all.map(({ created_at }) => created_at).sort((one, other) => one - other),
        'oldest first',
      )
    },
  )

  t.test(
    'a change counts at once, is one entry that says from what to what, and tells whom it concerns',
    async (t) => {
      const { clients, audit, affected } = await open(t, kind)
      const { client } = await clients.create({ ...ordinary, roles: ['USER'] }, tester, { createRoles: true })
      const changed = await clients.change(
        client.id,
        { membersOf: () => ({ roles: [], name: 'New' }) },
        tester,
      )
      t.match(changed, { name: 'New', roles: [], granted: { roles: [] } })
      t.ok(changed.updatedAt > client.updatedAt)
      await clients.change(client.id, { membersOf: () => ({ name: 'New' }) }, tester)
      await clients.disable(client.id, tester)
      await clients.disable(client.id, tester)
      await clients.enable(client.id, tester)
      await clients.delete(client.id, tester)
      await t.rejects(clients.show(client.id), { name: 'ClientNotFound' })
      const entries = await collect((request) => audit.page({ target: `client:${client.id}` }, request), 2)
      t.match(entries.toReversed(), [
        { action: 'client.created', actor: 'tester', detail: { name: 'Tracks', createdRoles: ['USER'] } },
        {
          action: 'client.changed',
          detail: { changes: { name: { from: 'Tracks', to: 'New' }, roles: { from: ['USER'], to: [] } } },
        },
        { action: 'client.disabled' },
        { action: 'client.enabled' },
        { action: 'client.deleted', detail: { name: 'New' } },
      ])
      t.equal(entries.length, 5, 'what changed nothing has no entry')
      t.strictSame(
        affected.map(({ effect }) => effect),
        ['refresh', 'revoke', 'refresh', 'revoke'],
      )
      t.match(affected[0], { subject: { kind: 'client', id: client.id } })
    },
  )

  t.test(
    'a change that gateways could not be told of has not happened, and nobody hears of it',
    async (t) => {
      const { db, clients, affected } = await open(t, kind)
      const { client } = await clients.create(ordinary, tester)
      await db.insertInto('gateways').values({ url: 'http://gateway', seen_at: 0 }).execute()
      await db.schema.dropTable('revocation_pushes').execute()
      await t.rejects(clients.disable(client.id, tester), { message: /revocation_pushes/ })
      t.equal((await clients.show(client.id)).disabledAt, null)
      t.equal((await db.selectFrom('audit_entries').select('id').execute()).length, 1)
      t.same(affected, [])
    },
  )

  t.test(
    'A20: two secrets at most, one follows the other without a gap, and each is revoked by itself',
    async (t) => {
      const { clients, secrets, db, clock } = await open(t, kind)
      const { client, secret } = await clients.create(ordinary, tester)
      const { secret: second, stored } = await secrets.add(
        client.id,
        { expiresAt: clock.now + 10 * day, olderExpiresAt: clock.now + day },
        tester,
      )
      const listed = await secrets.list(client.id)
      t.match(listed, [
        { lastFour: secret?.slice(-4), expiresAt: Number },
        { id: stored.id, lastFour: second.slice(-4) },
      ])
      t.notOk(JSON.stringify(listed).includes(hashCredential(second)))
      await t.rejects(secrets.add(client.id, {}, tester), { code: 'too-many-secrets' })
      clock.now += 2 * day
      t.strictSame(
        (await secrets.list(client.id)).map(({ id }) => id),
        [stored.id],
        'the older one has ended',
      )
      await t.rejects(secrets.add(client.id, { expiresAt: clock.now - 1 }, tester), { message: /expires_at/ })
      await secrets.add(client.id, {}, tester)
      await new TokenRepository(db).insertAccessToken(token('a', client.id, clock.now))
      await secrets.revoke(client.id, { id: stored.id }, tester)
      t.equal((await db.selectFrom('access_tokens').select('hash').execute()).length, 1, 'its tokens stay')
      const [last] = await secrets.list(client.id)
      await secrets.revoke(client.id, { id: last?.id ?? '', revokesTokens: true }, tester)
      t.strictSame(await secrets.list(client.id), [])
      t.strictSame(await db.selectFrom('access_tokens').select('hash').execute(), [], 'or go along')
      const missing = `the client "${client.id}" has no secret`
      const cure = 'name one by the id that the list of secrets gives'
      for (const [id, told] of [
        ['none', `${missing} "none": ${cure}`],
        // Not repeated: people paste the secret itself.
        ['psk_s3ntinel', `${missing} by what was given: ${cure}`],
      ] as const)
        await t.rejects(secrets.revoke(client.id, { id }, tester), {
          name: 'CredentialNotFound',
          message: told,
        })
    },
  )

  t.test('A20: of many secrets that are added at once one is, to one that is there', async (t) => {
    const { clients, secrets } = await open(t, kind)
    const { client } = await clients.create(ordinary, tester)
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => secrets.add(client.id, {}, tester)),
    )
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    t.equal((await secrets.list(client.id)).length, 2)
  })

  t.test('A21: the last administrator stays, whatever is tried and however many try', async (t) => {
    const { clients, secrets } = await open(t, kind)
    const admin = { ...ordinary, name: 'Admin', scopes: ['admin'] }
    const made = await Promise.all([1, 2, 3, 4].map(() => clients.create(admin, tester)))
    const results = await Promise.allSettled(made.map(({ client }) => clients.disable(client.id, tester)))
    t.equal(results.filter(({ status }) => status === 'rejected').length, 1)
    const page = await clients.page({ isDisabled: false }, { limit: 9, after: undefined })
    const last = page.items[0]?.id ?? ''
    const refused = { code: 'last-admin' }
    await t.rejects(clients.disable(last, tester), refused)
    await t.rejects(clients.delete(last, tester), refused)
    await t.rejects(clients.change(last, { membersOf: () => ({ scopes: ['user'] }) }, tester), refused)
    const [secret] = await secrets.list(last)
    await t.rejects(secrets.revoke(last, { id: secret?.id ?? '' }, tester), refused)
    await clients.create(admin, tester)
    await clients.delete(last, tester)
  })

  t.test(
    'tokens are listed newest first without what would reveal them, and revoked one by one or all',
    async (t) => {
      const { clients, tokens, db, clock } = await open(t, kind)
      const { client } = await clients.create(ordinary, tester)
      const owner = { kind: 'client', id: client.id } as const
      const repository = new TokenRepository(db)
      await repository.insertFamily({
        id: 'family',
        clientId: client.id,
        userId: null,
        audience: [],
        expiresAt: clock.now + day,
        endsAt: clock.now + day,
      })
      for (let index = 0; index < 12; index += 1)
        await repository.insertAccessToken(token(`a${index}`, client.id, clock.now - index))
      await repository.insertAccessToken({ ...token('f', client.id, clock.now - 20), familyId: 'family' })
      await repository.insertRefreshToken({ ...token('r', client.id, clock.now - 21), familyId: 'family' })
      await repository.insertAccessToken({ ...token('old', client.id, clock.now - 30), expiresAt: clock.now })
      const listed = await collect((request) => tokens.page(owner, request), 5)
      t.strictSame(
        listed.map(({ lastFour }) => lastFour),
        [...Array.from({ length: 12 }, (_, index) => `-a${index}`), '-f', '-r'],
      )
      for (const { hash } of await db.selectFrom('access_tokens').select('hash').execute())
        t.notOk(JSON.stringify(listed).includes(hash))
      await tokens.revoke(owner, listed[0]?.id ?? '', tester)
      await tokens.revoke(owner, listed.at(-1)?.id ?? '', tester)
      const left = await collect((request) => tokens.page(owner, request), 5)
      t.equal(left.length, 11, 'with the refresh token went the access token of its family')
      const other = (await clients.create(ordinary, tester)).client.id
      const id = left[0]?.id ?? ''
      await t.rejects(tokens.revoke({ kind: 'client', id: other }, id, tester), {
        name: 'CredentialNotFound',
        message: `the client "${other}" has no token "${id}": name one by the id that the list of tokens gives`,
      })
      await t.rejects(tokens.revoke(owner, "' or 1=1", tester), {
        name: 'CredentialNotFound',
        message: /has no token by what was given: name one/,
      })
      await t.rejects(tokens.revokeAll({ kind: 'client', id: 'nobody' }, tester), { name: 'ThingNotFound' })
      t.ok((await tokens.revokeAll(owner, tester)) >= 11)
      t.strictSame((await tokens.page(owner, { limit: 5, after: undefined })).items, [])
      t.strictSame(await db.selectFrom('token_families').select('id').execute(), [])
    },
  )

  t.test(
    'a role or a plan that is in use stays, and one that is not known is refused with the nearest',
    async (t) => {
      const { clients, plans, roles, affected } = await open(t, kind)
      await roles.create({ name: 'USER', description: 'Everybody' }, tester)
      await t.rejects(clients.create({ ...ordinary, roles: ['USR'] }, tester), {
        member: 'roles',
        message: /role "USR" is not known \(did you mean "USER"\?\): make it first, or .*--create-roles/,
      })
      await plans.create({ id: 'gold', name: 'Gold', roles: ['USER'], quota: ordinary.quota }, tester)
      await t.rejects(clients.create({ ...ordinary, planId: 'god' }, tester), {
        message: /did you mean "gold"/,
      })
      const { client } = await clients.create({ ...ordinary, roles: ['USER'], planId: 'gold' }, tester)
      await t.rejects(roles.delete('USER', tester), { message: /in use by 1 client and 1 plan/ })
      await t.rejects(plans.delete('gold', tester), { message: /in use by 1 client/ })
      await plans.change(
        'gold',
        { membersOf: () => ({ quota: { limit: 5, windowMs: 1_000 }, roles: ['VIP'] }), createRoles: true },
        tester,
      )
      t.match(await clients.show(client.id), {
        granted: { quota: { limit: 5, windowMs: 1_000 }, roles: ['USER', 'VIP'] },
      })
      t.match(affected.at(-1), { subject: { kind: 'plan', id: 'gold' }, effect: 'refresh' })
      await clients.change(client.id, { membersOf: () => ({ roles: [], planId: null }) }, tester)
      await plans.delete('gold', tester)
      await roles.delete('USER', tester)
      await t.rejects(roles.show('USER'), { name: 'ThingNotFound' })
      await t.rejects(roles.create({ name: 'VIP', description: '' }, tester), { code: 'exists' })
    },
  )

  t.test(
    'users come in by the line, as often as they like, and wrong lines keep no others out',
    async (t) => {
      const { changes, users, audit, affected } = await open(t, kind)
      const hash = `$scrypt$ln=15,r=8,p=3$${'A'.repeat(22)}$${'B'.repeat(43)}`
      const lines = Array.from({ length: 600 }, (_, index) =>
        JSON.stringify({ username: `user-${index}`, entitlements: ['b', 'a'], password_hash: hash }),
      )
      lines.splice(
        3,
        0,
        '{"username":',
        '',
        '{"username":"x","password":"hunter2hunter2"}',
        '{"username":"a b"}',
      )
      lines.push('{"username":"USER-0","disabled":true}')
      const send = () => importUsers(chunks(lines.join('\n')), changes, tester)
      t.match(await send(), {
        created: 600,
        updated: 1,
        unchanged: 0,
        failed: 3,
        faults: [
          { line: 4, rule: /one JSON object/ },
          { line: 6, member: 'password', rule: /hash it first/ },
          { line: 7, member: 'username', rule: /must be 1 to 100 letters/ },
        ],
      })
      t.match(affected, [{ subject: { kind: 'user' }, effect: 'revoke' }])
      const found = await users.page({ usernamePrefix: 'uSeR-0' }, { limit: 9, after: undefined })
      t.match(found.items, [
        { username: 'USER-0', entitlements: ['a', 'b'], hasPassword: true, disabledAt: Number },
      ])
      const entries = await collect((request) => audit.page({ action: 'users.imported' }, request), 50)
      t.equal(
        entries.reduce((sum, { detail }) => sum + Number(detail.created), 0),
        600,
        'an entry a batch, with how many',
      )
      t.notOk(JSON.stringify(entries).includes(hash))
      t.match(await send(), { created: 0, failed: 3 })
      const all = await collect((request) => users.page({}, request), 200)
      t.equal(all.length, 600)
      const disabled = await collect((request) => users.page({ isDisabled: true }, request), 200)
      t.equal(disabled.length, 1)
    },
  )

  t.test('the trail is read newest first, by who, what and to what', async (t) => {
    const { roles, audit, clock } = await open(t, kind)
    for (let index = 0; index < 30; index += 1) {
      const actor = { id: index % 2 === 0 ? 'ann' : 'bob', address: '192.0.2.1' }
      await roles.create({ name: `R${index}`, description: '' }, actor)
      if (index % 3 === 0) await roles.delete(`R${index}`, actor)
    }
    const read = (search: Parameters<typeof audit.page>[0]) =>
      collect((request) => audit.page(search, request), 4)
    t.equal((await read({})).length, 40)
    t.equal((await read({ actor: 'ann' })).length, 20)
    t.equal((await read({ actor: 'ann', action: 'role.deleted' })).length, 5)
    t.match(await read({ target: 'role:R3' }), [{ action: 'role.deleted' }, { action: 'role.created' }])
    const times = (await read({})).map(({ at }) => at)
    t.strictSame(
      times,
      times.toSorted((one, other) => other - one),
    )
    t.equal((await read({ since: clock.now })).length, 1)
    t.equal((await read({ until: clock.now })).length, 39)
  })
}

function token(name: string, clientId: string, issuedAt: number) {
  return {
    hash: hashCredential(name),
    lastFour: `-${name}`,
    clientId,
    userId: null,
    familyId: null,
    scope: ['user'],
    audience: [],
    issuedAt,
    expiresAt: issuedAt + day,
  }
}

/** Every item of a list, page by page; no page is longer than asked for. */
async function collect<Item>(
  read: (request: PageRequest) => Promise<Page<Item>>,
  limit: number,
): Promise<Item[]> {
  const items: Item[] = []
  for (let after: PageRequest['after']; ; ) {
    const page = await read({ limit, after })
    if (page.items.length > limit) throw new Error(`${page.items.length} items on a page of ${limit}`)
    items.push(...page.items)
    if (page.next === undefined) return items
    // As it comes back from a caller.
    after = JSON.parse(JSON.stringify(page.next))
  }
}

/** A text in pieces that respect neither lines nor signs. */
async function* chunks(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 1_021) yield bytes.subarray(at, at + 1_021)
}

interface Opened extends Administration {
  readonly db: Database
  readonly affected: Affected[]
  readonly clock: { now: number }
}

async function open(t: Test, kind: DatabaseKind): Promise<Opened> {
  const database = await kind.create()
  const db = await openDatabase(database.url)
  t.teardown(async () => {
    await db.destroy()
    await database.drop()
  })
  const clock = { now: 1_700_000_000_000 }
  const affected: Affected[] = []
  const administration = createAdministration(db, {
    // No two changes at the same time, so that what is older can be told.
    now: () => ++clock.now,
    random: randomBytes,
    listener: async (concerned) => void affected.push(...concerned),
  })
  return { ...administration, db, affected, clock }
}
