import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../oauth-server/store/tables.ts'
import { databaseKinds } from '../support/databases.ts'
import { type FakeGateway, startFakeGateway, take } from '../support/fake-gateway.ts'
import { tester } from '../support/oauth-server.ts'
import { freeLastingPort } from '../support/ports.ts'
import { setUpServers } from '../support/server-commands.ts'
import { needs, postgres } from '../support/services.ts'
import { until } from '../support/until.ts'

for (const kind of await databaseKinds()) {
  // Two servers share a database where that can be.
  const serverCount = kind.name === 'Postgres' ? 2 : 1

  t.test(
    `${kind.name}: a server that is killed while it tells has told by its next start`,
    kind.options,
    async (t) => {
      const { db, changes, startServer } = await setUpServers(t, kind)
      const gateways = await Promise.all([startFakeGateway(t), startFakeGateway(t)])
      const targets = gateways.map(({ target }) => target)
      const ports = [await freeLastingPort(), await freeLastingPort()].slice(0, serverCount)
      const start = () => Promise.all(ports.map((port) => startServer(port, targets)))
      const servers = await start()
      await until('all is told', () => isEmpty(db))
      for (const gateway of gateways) gateway.answer = () => undefined
      const revoked = Array.from({ length: 30 }, () => randomBytes(32).toString('hex'))
      for (const id of revoked)
        await changes.make(tester, async ({ affects }) => affects({ kind: 'token', id }, 'revoke'))
      await until('they are being told', () => gateways.every(({ sent }) => sent.length > 1))
      await Promise.all(servers.map((server) => server.stop('SIGKILL')))
      for (const gateway of gateways) gateway.answer = take
      await start()
      const knows = ({ taken }: FakeGateway) =>
        revoked.every((hash) => taken.some((told) => told.token_hash === hash))
      await until('both know all', () => gateways.every(knows))
      await until('nothing is left', () => isEmpty(db))
    },
  )
}

t.test(
  'Postgres: a server is reached only once its gateways are noted, so that no revocation misses one',
  await needs(postgres),
  async (t) => {
    const [kind] = (await databaseKinds()).filter(({ name }) => name === 'Postgres')
    if (kind === undefined) throw new Error('there is no Postgres')
    const { db, startServer } = await setUpServers(t, kind)
    const gateway = await startFakeGateway(t)
    const port = await freeLastingPort()
    const server = await db.transaction().execute(async (trx) => {
      await sql`lock table gateways in access exclusive mode`.execute(trx)
      const starting = startServer(port, [gateway.target])
      await until('the server waits to note its gateway', async () => {
        const { rows } = await sql`select from pg_locks where not granted and relation = 'gateways'::regclass
          and database = (select oid from pg_database where datname = current_database())`.execute(db)
        return rows.length > 0
      })
      await t.rejects(fetch(`http://127.0.0.1:${port}/healthz`), 'it does not listen')
      return { starting }
    })
    await server.starting
    await until('the gateway is told to ask again', () => gateway.taken.length === 1)
  },
)

async function isEmpty(db: Database): Promise<boolean> {
  return (await db.selectFrom('revocation_pushes').select('id').executeTakeFirst()) === undefined
}
