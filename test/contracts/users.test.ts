import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { PageRequest } from '../../oauth-server/store/bounded-scan.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { Consents } from '../../oauth-server/users/consents.ts'
import { PasswordHasher } from '../../oauth-server/users/password-hasher.ts'
import { Sessions } from '../../oauth-server/users/sessions.ts'
import { importUsers } from '../../oauth-server/users/user-import.ts'
import { UserRegistry } from '../../oauth-server/users/user-registry.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { tester } from '../support/oauth-server.ts'

for (const kind of await databaseKinds())
  t.test(`users on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('a user is made, changed, disabled, enabled and deleted, and the trail tells it', async (t) => {
    const { db, clock, registry } = await start(t)
    const made = await registry.create({ username: 'Anna', entitlements: ['svod', 'kids', 'svod'] }, tester)
    t.match(made, {
      username: 'Anna',
      displayName: 'Anna',
      entitlements: ['kids', 'svod'],
      hasPassword: false,
      createdAt: 1,
      disabledAt: null,
    })
    t.strictSame(await registry.show(made.id), made)
    t.strictSame(await registry.showByUsername('aNNA'), made)
    clock.now = 2
    const changed = await registry.change(made.id, { displayName: 'Anna K.', username: 'anna.k' }, tester)
    t.match(changed, {
      displayName: 'Anna K.',
      username: 'anna.k',
      entitlements: ['kids', 'svod'],
      updatedAt: 2,
    })
    t.match(await registry.change(made.id, { entitlements: [] }, tester), { entitlements: [] })
    await registry.setPassword(made.id, 'a new password', tester)
    t.match(await registry.disable(made.id, tester), { disabledAt: 2, hasPassword: true })
    clock.now = 3
    t.match(await registry.disable(made.id, tester), { disabledAt: 2 }, 'since the first time')
    t.match(await registry.enable(made.id, tester), { disabledAt: null })
    await registry.delete(made.id, tester)
    await t.rejects(registry.show(made.id), { name: 'UserNotFound' })
    const onNobody: readonly (() => Promise<unknown>)[] = [
      () => registry.change('nobody', {}, tester),
      () => registry.disable('nobody', tester),
      () => registry.enable('nobody', tester),
      () => registry.delete('nobody', tester),
      () => registry.setPassword('nobody', 'a new password', tester),
      () => registry.showByUsername('nobody'),
    ]
    for (const work of onNobody)
      await t.rejects(work, { name: 'UserNotFound', message: 'there is no user "nobody"' })
    const entries = await db.selectFrom('audit_entries').selectAll().orderBy('at').execute()
    t.match(
      new Set(entries.map(({ action }) => action.split('.')[1])),
      new Set(['created', 'changed', 'password_set', 'disabled', 'enabled', 'deleted']),
    )
    t.ok(entries.every(({ target, actor }) => target === `user:${made.id}` && actor === 'tester'))
    t.notMatch(JSON.stringify(entries), /scrypt|password"/)
  })

  t.test('a username is there once, however it is written', async (t) => {
    const { registry } = await start(t)
    const first = await registry.create({ username: 'müller' }, tester)
    for (const username of ['MÜLLER', 'mu\u0308ller', 'ｍüller'])
      await t.rejects(registry.create({ username }, tester), { name: 'UserRuleBroken', message: /is taken/ })
    const second = await registry.create({ username: 'meier' }, tester)
    await t.rejects(registry.change(second.id, { username: 'Müller' }, tester), { message: /is taken/ })
    t.match(await registry.change(first.id, { username: 'Müller' }, tester), { username: 'Müller' })
    const rivals = await Promise.allSettled(
      Array.from({ length: 5 }, () => registry.create({ username: 'rival' }, tester)),
    )
    t.equal(rivals.filter(({ status }) => status === 'fulfilled').length, 1)
    const told = { name: 'UserRuleBroken', member: 'username', message: 'the username "rival" is taken' }
    for (const rival of rivals) if (rival.status === 'rejected') t.match(rival.reason, told)
  })

  t.test('of many who take the same new username at once one gets it, and the others are told', async (t) => {
    const { registry } = await start(t)
    const users = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((username) => registry.create({ username }, tester)),
    )
    const rivals = await Promise.allSettled(
      users.map(({ id }) => registry.change(id, { username: 'rival' }, tester)),
    )
    t.equal(rivals.filter(({ status }) => status === 'fulfilled').length, 1)
    const told = { name: 'UserRuleBroken', member: 'username', message: 'the username "rival" is taken' }
    for (const rival of rivals) if (rival.status === 'rejected') t.match(rival.reason, told)
  })

  t.test('what breaks a rule is told, and nothing is made', async (t) => {
    const { registry } = await start(t)
    const wrong: readonly (readonly [Parameters<UserRegistry['create']>[0], RegExp])[] = [
      [{ username: '' }, /the username "" must be/],
      [{ username: 'a b' }, /the username "a b" must be/],
      [{ username: 'a\0b' }, /must be/],
      [{ username: 'x'.repeat(101) }, /must be/],
      [{ username: '<script>' }, /must be/],
      [{ username: 'anna', displayName: ' ' }, /display name " " must be/],
      [{ username: 'anna', displayName: 'a\u202eb' }, /display name/],
      [{ username: 'anna', entitlements: ['a b'] }, /entitlement "a b" must be/],
      [
        { username: 'anna', entitlements: Array.from({ length: 101 }, (_, index) => `e${index}`) },
        /are 101: they must be at most 100/,
      ],
      [{ username: 'anna', password: 's3nt' }, /^the password must have 8 to 200 characters/],
      [{ username: 'anna', password: 'x'.repeat(201) }, /^the password must have/],
      [{ username: 'anna', password: 's3ntinel\n' }, /^the password must have/],
    ]
    for (const [wanted, message] of wrong) {
      const error = await registry.create(wanted, tester).catch((thrown: Error) => thrown)
      t.match(error, { name: 'UserRuleBroken', message })
      t.notMatch(String(error), /s3nt/)
    }
    t.strictSame((await registry.page({}, { limit: 10, after: undefined })).items, [])
  })

  t.test('users are found page by page, and by the beginning of their names', async (t) => {
    const { clock, registry } = await start(t)
    for (const username of ['a_b', 'axb', 'a+b', 'Übel', 'übung']) {
      clock.now += Number(username !== 'axb')
      await registry.create({ username }, tester)
    }
    const names = async (usernamePrefix: string) =>
      (await registry.page({ usernamePrefix }, { limit: 10, after: undefined })).items.map(
        ({ username }) => username,
      )
    const seen: string[] = []
    for (let after: PageRequest['after']; ; ) {
      const { items, next } = await registry.page({}, { limit: 2, after })
      for (const { username } of items) seen.push(username)
      if (next === undefined) break
      after = next
    }
    t.strictSame(seen.toSorted(), ['a_b', 'axb', 'a+b', 'Übel', 'übung'].toSorted())
    t.strictSame((await names('A')).toSorted(), ['a+b', 'a_b', 'axb'])
    t.strictSame(await names('a_'), ['a_b'], 'no sign of it is a wildcard')
    t.strictSame(await names('%'), [])
    t.strictSame(await names('\\'), [])
    t.strictSame(await names('ÜB'), ['Übel', 'übung'])
  })

  t.test('sessions and consents go with their user, and expired rows are swept', async (t) => {
    const { db, clock, registry } = await start(t)
    const user = await registry.create({ username: 'anna' }, tester)
    const lifetimes = { sessionIdleTimeoutMs: 10, sessionLifetimeMs: 100 }
    const sessions = new Sessions(db, { now: () => clock.now, random: randomBytes, lifetimes })
    const token = await sessions.begin(user)
    t.match(await sessions.findUser(token), { id: user.id })
    t.equal(await sessions.findUser(sessions.mint()), undefined)
    t.equal(await deleteExpiredRows(db, clock.now + 99, 10), 0)
    t.equal(await deleteExpiredRows(db, clock.now + 100, 10), 1)
    const consents = new Consents(db, () => clock.now)
    const wanted = { userId: user.id, clientId: 'nobody', scope: ['user'], audience: [] }
    await t.rejects(consents.remember(wanted, tester), 'a consent is to a client that exists')
    t.equal(await consents.covers(wanted), false)
    await sessions.begin(user)
    await registry.delete(user.id, tester)
    t.strictSame(await db.selectFrom('sessions').select('hash').execute(), [])
  })

  t.test('a bulk signs out whom it keeps out, and who gets another password', async (t) => {
    const { db, clock, registry } = await start(t)
    const lifetimes = { sessionIdleTimeoutMs: 1_000, sessionLifetimeMs: 1_000 }
    const sessions = new Sessions(db, { now: () => clock.now, random: randomBytes, lifetimes })
    const users = ['anna', 'berta', 'cora', 'doris']
    const tokens = new Map<string, string>()
    for (const username of users)
      tokens.set(username, await sessions.begin(await registry.create({ username }, tester)))
    const key = 'A'.repeat(43)
    const lines = [
      { username: 'anna', disabled: true },
      { username: 'berta', password_hash: `$scrypt$ln=4,r=1,p=1$${'A'.repeat(22)}$${key}` },
      { username: 'cora', display_name: 'Cora' },
    ].map((line) => Buffer.from(`${JSON.stringify(line)}\n`))
    const changes = new Changes(db, () => clock.now)
    t.match(await importUsers(Readable.from(lines), changes, tester), { updated: 3, failed: 0 })
    await registry.enable((await registry.showByUsername('anna')).id, tester)
    const signedIn = await Promise.all(
      users.map(async (name) => (await sessions.findUser(tokens.get(name) ?? ''))?.username),
    )
    t.strictSame(signedIn, [undefined, undefined, 'cora', 'doris'])
  })

  async function start(t: Test) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const clock = { now: 1 }
    const hasher = new PasswordHasher(randomBytes, { ln: 4, r: 1, p: 1 })
    return { db, clock, registry: new UserRegistry(db, { now: () => clock.now, hasher }) }
  }
}
