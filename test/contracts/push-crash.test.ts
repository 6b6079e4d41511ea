import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Database } from '../../oauth-server/store/tables.ts'
import { databaseKinds } from '../support/databases.ts'
import { type FakeGateway, startFakeGateway, take } from '../support/fake-gateway.ts'
import { tester } from '../support/oauth-server.ts'
import { freeLastingPort } from '../support/ports.ts'
import { setUpServers } from '../support/server-commands.ts'
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

async function isEmpty(db: Database): Promise<boolean> {
  return (await db.selectFrom('revocation_pushes').select('id').executeTakeFirst()) === undefined
}
