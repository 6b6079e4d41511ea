import { randomBytes, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createAdministration } from '../../oauth-server/admin/services.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { refusals } from '../../oauth-server/errors.ts'
import { TokenIssuer } from '../../oauth-server/grants/token-issuer.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { TokenRevoker } from '../../oauth-server/tokens/token-revoker.ts'
import { captureLog } from '../support/captured-log.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { ordinaryClient, tester } from '../support/oauth-server.ts'

for (const kind of await databaseKinds())
  t.test(`revoking during a refresh on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

const invalidGrant = { name: 'RequestRefused', message: refusals.invalidGrant.description }

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('A14: a refresh that a revocation has overtaken issues nothing', async (t) => {
    const { db, client, issuerWith, refreshToken } = await start(t)
    const revoker = new TokenRevoker(db, Date.now)
    const { id } = client
    // Of a JWT that was issued now no gateway would hear: it has read it itself, and the revocation is told already.
    const issuer = issuerWith(() => revoker.revoke(refreshToken, id, tester))
    const request = {
      client: { ...client, tokenFormat: 'jwt' },
      grantType: 'refresh_token',
      refreshToken,
    } as const
    await t.rejects(issuer.issue(request), invalidGrant)
    t.equal((await db.selectFrom('access_tokens').select('hash').execute()).length, 1, 'nothing is stored')
  })

  async function start(t: Test) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const { clients } = createAdministration(db, { now: Date.now, random: randomBytes })
    const wanted = { ...ordinaryClient, grantTypes: ['client_credentials', 'refresh_token'] } as const
    const { client } = await clients.create(wanted, tester, { createRoles: true })
    /** Has something happen between what a request reads and what it writes: when the key for its JWT is asked for. */
    const issuerWith = (between: () => Promise<unknown>) =>
      new TokenIssuer({
        db,
        lifetimes: defaultOAuthServerSettings(),
        issuer: () => 'https://id.example.org',
        signingKeys: {
          signer: async () => {
            await between()
            return { kid: 'key', sign: async () => `jwt-${randomUUID()}` }
          },
        },
        now: Date.now,
        random: randomBytes,
        log: captureLog().log,
      })
    const issued = await issuerWith(async () => undefined).issue({ client, grantType: 'client_credentials' })
    return { db, client, issuerWith, refreshToken: issued.refreshToken ?? '' }
  }
}
