import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import type { GatewayTarget } from '../../oauth-server/config/gateway-options.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { type RunningCommand, runPasserelle } from './command.ts'
import type { DatabaseKind } from './databases.ts'
import { tester, withSecret } from './oauth-server.ts'
import { untilAnswering } from './ports.ts'

const partnerQuota = { limit: 1_000, windowMs: 3_600_000 }

/** A database with a gateway's client and a partner's, and servers on it, as commands, that can be started and killed. */
export async function setUpServers(t: Test, kind: DatabaseKind) {
  const database = await kind.create()
  t.teardown(() => database.drop())
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  // As the command line has it: another connection, and nobody that it could wake.
  const db = await openDatabase(database.url)
  t.teardown(() => db.destroy())
  const registry = new ClientRegistry(db, { now: Date.now, random: randomBytes })
  const wanted = { roles: [], quota: partnerQuota, grantTypes: ['client_credentials'] } as const
  const create = async (name: string, scope: string) =>
    withSecret(await registry.create({ ...wanted, name, scopes: [scope] }, tester))
  return {
    db,
    url: database.url,
    changes: new Changes(db, Date.now),
    gatewayClient: await create('Gateway', 'introspect'),
    partner: await create('Partner', 'user'),
    async startServer(port: number, gateways: readonly GatewayTarget[]): Promise<RunningCommand> {
      const file = join(folder, `oauth-server-${port}.yaml`)
      writeFileSync(
        file,
        stringify({ listen: `127.0.0.1:${port}`, admin: '127.0.0.1:0', database: database.url, gateways }),
      )
      const server = runPasserelle(['oauth-server', '--config', file])
      t.teardown(() => server.stop('SIGKILL'))
      await untilAnswering(port)
      return server
    },
  }
}
