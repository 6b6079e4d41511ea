import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createLog } from '../../common/log.ts'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import type { GatewayTarget } from '../../oauth-server/config/gateway-options.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import type { PushListener } from '../../oauth-server/gateways/gateway-courier.ts'
import { RevocationPush } from '../../oauth-server/gateways/revocation-push.ts'
import { type Change, Changes } from '../../oauth-server/store/changes.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { type Affected, RevocationOutbox } from '../../oauth-server/store/revocation-outbox.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { databaseKinds } from '../support/databases.ts'
import { type FakeGateway, startFakeGateway, type Told, take } from '../support/fake-gateway.ts'
import { tester } from '../support/oauth-server.ts'
import { until } from '../support/until.ts'

const silent = createLog('test', 'silent')
const unheard: PushListener = { pushed: () => undefined }
const day = 86_400_000

const goldPlan = {
  id: 'gold',
  name: 'Gold',
  roles: '',
  rate_limit: 1,
  rate_limit_window_ms: 1_000,
  created_at: 0,
  updated_at: 0,
}

for (const kind of await databaseKinds()) {
  const setUp = async (t: Test) => {
    const database = await kind.create()
    t.teardown(() => database.drop())
    const db = await openDatabase(database.url)
    t.teardown(() => db.destroy())
    // On SQLite it is one: two in one process would wait for one another's transactions, and the process with them.
    const open = async () => {
      if (kind.name === 'SQLite') return db
      const another = await openDatabase(database.url)
      t.teardown(() => another.destroy())
      return another
    }
    const time = { now: Date.now() }
    const now = () => time.now
    const outbox = new RevocationOutbox(db)
    return {
      ...{ db, open, time, outbox, url: database.url, changes: new Changes(db, now) },
      registry: new ClientRegistry(db, { now, random: randomBytes }),
      /** Whatever is waiting for a gateway, without ids and times. */
      waiting: async (gateway: string) => {
        const rows = await db
          .selectFrom('revocation_pushes')
          .selectAll()
          .where('gateway', '=', gateway)
          .execute()
        return rows.map((row) => `${row.effect} ${row.kind} ${row.target}`).sort()
      },
    }
  }
  const client = (id: string): Affected => ({ subject: { kind: 'client', id }, effect: 'revoke' })
  const note =
    (...affected: readonly Affected[]) =>
    async (change: Pick<Change, 'affects'>) => {
      for (const { subject, effect } of affected) change.affects(subject, effect)
    }
  const startPush = async (
    t: Test,
    means: { open: () => Promise<Awaited<ReturnType<typeof openDatabase>>> },
    gateways: readonly GatewayTarget[],
  ) => {
    const push = new RevocationPush({
      ...{ db: await means.open(), now: Date.now, random: Math.random, log: silent, listener: unheard },
    })
    t.teardown(() => push.stop())
    await push.pushTo(gateways)
    return push
  }

  t.test(
    `${kind.name}: what a change concerns is noted for every gateway, with the change`,
    kind.options,
    async (t) => {
      const { changes, outbox, waiting, time } = await setUp(t)
      await changes.make(tester, note(client('before')))
      for (const gateway of ['one', 'two']) await outbox.register(gateway, time.now)
      await outbox.register('one', time.now)
      for (const gateway of ['one', 'two'])
        t.same(await waiting(gateway), ['refresh all '], 'a new gateway may know what it was never told')
      await changes.make(
        tester,
        note(client('a'), client('a'), { subject: { kind: 'user', id: 'ann' }, effect: 'refresh' }),
      )
      await t.rejects(
        changes.make(tester, async (change) => {
          await note(client('b'))(change)
          throw new Error('it fails')
        }),
      )
      for (const gateway of ['one', 'two'])
        t.same(await waiting(gateway), ['refresh all ', 'refresh user ann', 'revoke client a'])
    },
  )

  t.test(
    `${kind.name}: a family is told by the hashes of its live access tokens, a plan by its clients`,
    kind.options,
    async (t) => {
      const { changes, db, outbox, waiting, time, registry } = await setUp(t)
      await db.insertInto('plans').values(goldPlan).execute()
      const wanted = {
        name: 'A',
        roles: [],
        scopes: ['user'],
        quota: { limit: 1, windowMs: 1_000 },
        grantTypes: ['client_credentials'],
      } as const
      const made = await registry.create({ ...wanted, planId: 'gold' }, tester)
      const other = await registry.create(wanted, tester)
      const tokens = new TokenRepository(db)
      const family = {
        id: 'f',
        clientId: made.client.id,
        userId: null,
        audience: [],
        expiresAt: time.now + day,
        endsAt: time.now + day,
      }
      await tokens.insertFamily(family)
      const insert = (token: string, expiresAt: number) =>
        tokens.insertAccessToken({
          hash: hashCredential(token),
          lastFour: token.slice(-4),
          clientId: made.client.id,
          userId: null,
          familyId: 'f',
          scope: [],
          audience: [],
          issuedAt: time.now,
          expiresAt,
        })
      await insert('pat_live', time.now + 60_000)
      await insert('pat_dead', time.now - 1)
      await db.insertInto('gateways').values({ url: 'one', seen_at: time.now }).execute()
      await changes.make(
        tester,
        note(
          { subject: { kind: 'family', id: 'f' }, effect: 'revoke' },
          { subject: { kind: 'plan', id: 'gold' }, effect: 'refresh' },
        ),
      )
      t.same(await waiting('one'), [
        `refresh client ${made.client.id}`,
        `revoke token ${hashCredential('pat_live')}`,
      ])
      t.not(made.client.id, other.client.id)
      const [told] = (await outbox.claim('one', { now: time.now, leaseMs: 1, count: 10 })).filter(
        (push) => push.kind === 'token',
      )
      t.equal(told?.tokenExpiresAt, time.now + 60_000, 'the gateway hears until when it is to remember it')
    },
  )

  t.test(
    `${kind.name}: of a plan with very many clients gateways are told to ask about all tokens again`,
    kind.options,
    async (t) => {
      const { changes, db, waiting, time } = await setUp(t)
      await db.insertInto('plans').values(goldPlan).execute()
      const row = {
        name: 'x',
        name_key: 'x',
        roles: '',
        scopes: '',
        grant_types: '',
        plan_id: 'gold',
        rate_limit: 1,
        rate_limit_window_ms: 1,
        auth_method: 'none',
        redirect_uris: '',
        audiences: '',
        token_format: 'opaque',
        skips_consent: 0,
        is_admin: 0,
        allows_get_token: 0,
        created_at: 0,
        updated_at: 0,
      }
      for (let start = 0; start < 5_001; start += 500)
        await db
          .insertInto('clients')
          .values(
            Array.from({ length: Math.min(500, 5_001 - start) }, (_, i) => ({
              ...row,
              id: `c-${start + i}`,
            })),
          )
          .execute()
      await db.insertInto('gateways').values({ url: 'one', seen_at: time.now }).execute()
      await changes.make(tester, note({ subject: { kind: 'plan', id: 'gold' }, effect: 'refresh' }))
      t.same(await waiting('one'), ['refresh all '])
      await db.deleteFrom('revocation_pushes').execute()
      await db.deleteFrom('clients').where('id', '=', 'c-0').execute()
      await changes.make(tester, note({ subject: { kind: 'plan', id: 'gold' }, effect: 'refresh' }))
      t.equal((await waiting('one')).length, 5_000)
    },
  )

  t.test(
    `${kind.name}: of any number who claim at once each push is given to one`,
    kind.options,
    async (t) => {
      const { changes, open, time, outbox } = await setUp(t)
      await outbox.register('one', time.now)
      await changes.make(tester, note(...Array.from({ length: 99 }, (_, i) => client(`c${i}`))))
      const others = await Promise.all([open(), open()])
      const claims = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          new RevocationOutbox(others[i % 2] ?? others[0])
            .claim('one', { now: time.now, leaseMs: 10_000, count: 20 })
            .catch(() => []),
        ),
      )
      const ids = claims.flat().map(({ id }) => id)
      t.equal(new Set(ids).size, ids.length, 'none is given twice')
      t.ok(ids.length > 0)
      t.same(
        await outbox
          .claim('one', { now: time.now + 9_999, leaseMs: 1, count: 200 })
          .then((rest) => rest.length),
        100 - ids.length,
      )
      t.equal(
        (await outbox.claim('one', { now: time.now + 10_000, leaseMs: 1, count: 200 })).length,
        100,
        'after the lease it is given again',
      )
    },
  )

  t.test(`${kind.name}: a revocation does not wait behind a bulk of changes`, kind.options, async (t) => {
    const { changes, time, outbox } = await setUp(t)
    await outbox.register('one', time.now)
    const users = Array.from({ length: 250 }, (_, index) => `u${index}`)
    const refreshed = users.map((id): Affected => ({ subject: { kind: 'user', id }, effect: 'refresh' }))
    await changes.make(tester, note(...refreshed))
    time.now += 1
    await changes.make(tester, note(client('stolen')))
    const claim = { now: time.now, leaseMs: 10_000, count: 64 }
    const first = await outbox.claim('one', claim)
    t.ok(first.some(({ target, effect }) => target === 'stolen' && effect === 'revoke'))
    t.equal(first.length, 64, 'and the changes go on')
    t.notOk((await outbox.claim('one', claim)).some(({ effect }) => effect === 'revoke'))
  })

  t.test(
    `${kind.name}: what came too late is swept, and so is a gateway that nobody names any more`,
    kind.options,
    async (t) => {
      const { changes, db, time, outbox, waiting } = await setUp(t)
      await outbox.register('one', time.now)
      const ending = (id: string, expiresAt: number): Affected => ({
        subject: { kind: 'token', id, expiresAt },
        effect: 'revoke',
      })
      await changes.make(
        tester,
        note(client('a'), ending('soon', time.now + 1_000), ending('late', time.now + 3 * day)),
      )
      time.now += 62_000
      await deleteExpiredRows(db, time.now, 100)
      t.same(await waiting('one'), ['refresh all ', 'revoke client a', 'revoke token late'])
      time.now += day
      t.same(
        (await outbox.claim('one', { now: time.now, leaseMs: 0, count: 9 })).map(({ target }) => target),
        ['late'],
      )
      await outbox.register('one', time.now)
      await deleteExpiredRows(db, time.now + day, 100)
      t.same(await waiting('one'), ['revoke token late'])
      await deleteExpiredRows(db, time.now + 2 * day, 100)
      t.same(await waiting('one'), [])
      t.same(await db.selectFrom('gateways').selectAll().execute(), [])
    },
  )

  t.test(
    `${kind.name}: a change that began before another and is committed after it is told all the same`,
    kind.options,
    async (t) => {
      const means = await setUp(t)
      const gateway = await startFakeGateway(t)
      await startPush(t, means, [gateway.target])
      if (kind.name === 'SQLite') return t.pass('has one writer at a time')
      let commit = () => {}
      const held = new Promise<void>((resolve) => {
        commit = resolve
      })
      const slow = means.changes.make(tester, async (change) => {
        await note(client('slow'))(change)
        await held
      })
      const other = new Changes(await means.open(), Date.now)
      await other.make(tester, note(client('quick')))
      await until('the later one is told', async () => gateway.taken.some((told) => told.client === 'quick'))
      commit()
      await slow
      await until('the earlier one is told', async () => gateway.taken.some((told) => told.client === 'slow'))
    },
  )

  t.test(
    `${kind.name}: whatever gateways do, each is told of each change at least once`,
    kind.options,
    async (t) => {
      const means = await setUp(t)
      const gateways = await Promise.all([startFakeGateway(t), startFakeGateway(t)])
      const targets = gateways.map(({ target }) => target)
      await startPush(t, means, targets)
      const second = await startPush(t, means, targets)
      const changes = new Changes(await means.open(), Date.now, () => second.wake())
      let run = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom<Misdeed>('take', 'take', 'fail', 'reset', 'busy', 'take and reset'), {
            maxLength: 12,
          }),
          fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 }), {
            minLength: 1,
            maxLength: 8,
          }),
          async (misdeeds, plan) => {
            run += 1
            for (const gateway of gateways) misbehave(gateway, [...misdeeds])
            const told = plan.flat().map((n) => `r${run}-${n}`)
            await Promise.all(
              plan.map((ids) => changes.make(tester, note(...ids.map((n) => client(`r${run}-${n}`))))),
            )
            for (const { taken } of gateways)
              await until('all is told', async () =>
                told.every((id) => taken.some(({ client }) => client === id)),
              )
            return true
          },
        ),
        { numRuns: 12 },
      )
      await until('nothing is left', async () => (await means.outbox.countWaiting()).size === 0)
    },
  )
}

type Misdeed = 'take' | 'fail' | 'reset' | 'busy' | 'take and reset'

/** Does these in turn, and then what is right. */
function misbehave(gateway: FakeGateway, misdeeds: Misdeed[]): void {
  gateway.answer = (told: Told, response) => {
    switch (misdeeds.shift()) {
      case 'fail':
        return void response.writeHead(500).end()
      case 'busy':
        return void response.writeHead(503, { 'retry-after': '1' }).end()
      case 'reset':
        return void response.destroy()
      case 'take and reset':
        gateway.taken.push(told)
        return void response.destroy()
      default:
        return take(told, response)
    }
  }
}
