import t, { type Test } from 'tap'
import { adminClient, createAdmin } from '../support/admin-client.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { startTestServer, type TestServer } from '../support/oauth-server.ts'
import { killProcess, startServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'

const known = 1_500
const total = 6_000

/** How many batches of 250 lines are done when the server is killed: among changes, and among new users. */
const moments = [3, 7, 16]

for (const kind of await databaseKinds())
  t.test(`a bulk of users and kill -9 on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, { create }: DatabaseKind): Promise<void> {
  t.test(
    'a server that is killed in a bulk has done whole batches, and the bulk can be sent again',
    async (t) => {
      const server = await startTestServer(t, {}, create)
      const admin = await createAdmin(server)
      t.match(await bulk(server.adminUrl, linesOf(known, 'before')), {
        status: 200,
        body: { created: known },
      })
      await rememberGateway(server)
      for (const moment of moments) {
        const killed = await startServerProcess(t, server.database.url)
        const sent = bulk(killed.adminUrl, linesOf(total, 'after')).then(
          () => 'answered',
          () => 'broken off',
        )
        await until('the bulk is under way', async () => (await countBatches()) >= moment)
        await killProcess(killed)
        t.equal(await sent, 'broken off')
        await holdConsistency()
      }
      const next = await startServerProcess(t, server.database.url)
      const { created, updated } = await imported()
      const again = await bulk(next.adminUrl, linesOf(total, 'after'))
      const unchanged = created - known + updated
      t.match(again, {
        status: 200,
        body: { created: total - created, updated: known - updated, unchanged, failed: 0 },
      })
      await killProcess(next)
      await holdConsistency()
      t.equal(await countUsers(), total, 'what was answered as done is in, and nobody is in twice')
      const right = await server.db
        .selectFrom('users')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('display_name', '=', 'after')
        .where('entitlements', '=', 'after')
        .executeTakeFirstOrThrow()
      t.equal(Number(right.count), total)
      t.match(
        await bulk(server.adminUrl, linesOf(total, 'after')),
        { status: 200, body: { created: 0, updated: 0, unchanged: total } },
        'and once more changes nothing',
      )
      await holdConsistency()

      async function holdConsistency() {
        const { created, updated } = await imported()
        t.equal(created, await countUsers(), 'the trail tells of every user who is there, and of no other')
        const changed = await server.db
          .selectFrom('users')
          .select('id')
          .where('display_name', '=', 'after')
          .where('username_key', '<', usernameOf(known))
          .execute()
        t.equal(updated, changed.length, 'and of every change')
        const pushes = await server.db.selectFrom('revocation_pushes').select('target').execute()
        t.strictSame(
          pushes.map(({ target }) => target).toSorted(),
          changed.map(({ id }) => id).toSorted(),
          'of which the gateways are told, once each',
        )
      }

      /** Those of the first bulk are not counted. */
      async function countBatches(): Promise<number> {
        return (await imported()).batches - known / 250
      }

      async function countUsers(): Promise<number> {
        const { count } = await server.db
          .selectFrom('users')
          .select(({ fn }) => fn.countAll().as('count'))
          .executeTakeFirstOrThrow()
        return Number(count)
      }

      /** What the audit trail says of all bulks together. */
      async function imported() {
        const entries = await server.db
          .selectFrom('audit_entries')
          .select('detail')
          .where('action', '=', 'users.imported')
          .execute()
        const counts = entries.map(({ detail }) => JSON.parse(detail) as { created: number; updated: number })
        return {
          batches: counts.length,
          created: counts.reduce((sum, { created }) => sum + created, 0),
          updated: counts.reduce((sum, { updated }) => sum + updated, 0),
        }
      }

      function bulk(url: string, lines: string) {
        return adminClient(url, admin.token)('POST /users/bulk', lines, {
          'content-type': 'application/x-ndjson',
        })
      }
    },
  )
}

/** A gateway that no server tells: what it is to be told stays where it can be counted. */
async function rememberGateway({ db }: TestServer): Promise<void> {
  await db.insertInto('gateways').values({ url: 'http://127.0.0.1:1/', seen_at: Date.now() }).execute()
}

function usernameOf(index: number): string {
  return `user-${String(index).padStart(6, '0')}`
}

function linesOf(count: number, state: string): string {
  return Array.from(
    { length: count },
    (_, index) =>
      `${JSON.stringify({ username: usernameOf(index), display_name: state, entitlements: [state] })}\n`,
  ).join('')
}
