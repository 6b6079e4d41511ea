import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAdministration } from '../../oauth-server/admin/services.ts'
import { ClientAuthenticator } from '../../oauth-server/clients/client-authenticator.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { refusals } from '../../oauth-server/errors.ts'
import { TokenIssuer } from '../../oauth-server/grants/token-issuer.ts'
import { isSqlite } from '../../oauth-server/store/dialect.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { tokenIdOf } from '../../oauth-server/store/token-listing.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { TokenRevoker } from '../../oauth-server/tokens/token-revoker.ts'
import { captureLog } from '../support/captured-log.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { basic, ordinaryClient, startTestServer, tester } from '../support/oauth-server.ts'
import { createUser, parametersFor, password, UserBrowser, webApplication } from '../support/user-browser.ts'

for (const kind of await databaseKinds())
  t.test(`revoking at the same time on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

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

  t.test('A14: the gateways are told of the token of a refresh that was faster', async (t) => {
    const { db, client, tokens, refreshToken } = await start(t)
    await db.insertInto('gateways').values({ url: 'http://127.0.0.1:1/', seen_at: 1 }).execute()
    const owner = { kind: 'client', id: client.id } as const
    const refresh = await refreshUnderWay(db, refreshToken)
    await meanwhile(db, refresh.store, () =>
      tokens.revoke(owner, tokenIdOf(hashCredential(refreshToken)), tester),
    )
    const told = await db.selectFrom('revocation_pushes').select('target').execute()
    const known = await db.selectFrom('access_tokens').select('hash').execute()
    t.equal(known.length, 2)
    t.strictSame(told.map(({ target }) => target).toSorted(), known.map(({ hash }) => hash).toSorted())
  })

  t.test('A20: no refresh gets away when all tokens of a client are revoked', async (t) => {
    const { db, client, tokens, refreshToken, issuerWith } = await start(t)
    const refresh = await refreshUnderWay(db, refreshToken)
    await meanwhile(db, refresh.store, () => tokens.revokeAll({ kind: 'client', id: client.id }, tester))
    const again = { client, grantType: 'refresh_token', refreshToken: refresh.refreshToken } as const
    await t.rejects(issuerWith(async () => undefined).issue(again), invalidGrant)
    const active = new TokenRepository(db).findActiveAccessToken(refresh.accessHash, Date.now())
    t.equal(await active, undefined)
    const later = await issuerWith(async () => undefined).issue({ client, grantType: 'client_credentials' })
    t.ok(later.refreshToken, 'and what comes later is not concerned')
  })

  t.test('A20: who is authenticated while the secret is revoked gets no token by it', async (t) => {
    const server = await startTestServer(t, {}, kind.create)
    const client = await server.create()
    const authenticator = new ClientAuthenticator({ db: server.db, now: Date.now, issuer: () => server.url })
    const credentials = {
      method: 'client_secret_basic',
      id: client.client.id,
      secret: client.secret,
    } as const
    t.equal(await authenticator.isStill(credentials), true)
    /** The secret and its tokens have gone, and the request that has authenticated by it stores one more. */
    const revoke = async (transaction: Database) => {
      if (!isSqlite(transaction)) await sql`lock table access_tokens in share mode`.execute(transaction)
      await transaction.deleteFrom('client_secrets').where('client_id', '=', client.client.id).execute()
    }
    const { status } = await meanwhile(server.db, revoke, () =>
      server.post('/oauth/token', { grant_type: 'client_credentials' }, basic(client)),
    )
    t.equal(status, 401)
    t.strictSame(await server.db.selectFrom('access_tokens').select('hash').execute(), [])
    t.equal(await authenticator.isStill(credentials), false)
  })

  t.test('A11: nobody is signed in by a password that was replaced while it was looked at', async (t) => {
    const server = await startTestServer(t, {}, kind.create)
    const { user } = await createUser(server)
    const browser = new UserBrowser(server)
    const page = await browser.authorize(parametersFor(await server.create(webApplication)))
    /** The sessions that there are have been ended, and the one of this sign-in is stored after them. */
    const replace = async (transaction: Database) => {
      if (!isSqlite(transaction)) await sql`lock table sessions in share mode`.execute(transaction)
      const values = { password_hash: null }
      await transaction.updateTable('users').set(values).where('id', '=', user.id).execute()
    }
    const { status } = await meanwhile(server.db, replace, () =>
      browser.submit(page, 'login', { username: 'anna', password }),
    )
    t.equal(status, 401)
    t.strictSame(await server.db.selectFrom('sessions').select('hash').execute(), [])
  })

  t.test('A3: of a client that is deleted during its request nothing is told but that', async (t) => {
    const { db, client, issuerWith } = await start(t)
    const issuer = issuerWith(() => db.deleteFrom('clients').execute())
    for (const grantTypes of [client.grantTypes, ['client_credentials']] as const) {
      const request = {
        client: { ...client, grantTypes, tokenFormat: 'jwt' },
        grantType: 'client_credentials',
      } as const
      const refused = { name: 'RequestRefused', message: refusals.invalidClient.description }
      await t.rejects(issuer.issue(request), refused)
    }
  })

  async function start(t: Test) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const { clients, tokens } = createAdministration(db, { now: Date.now, random: randomBytes })
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
    return { db, client, tokens, issuerWith, refreshToken: issued.refreshToken ?? '' }
  }
}

/** A refresh as another server does it, to be stored in a transaction that is still open. */
async function refreshUnderWay(db: Database, presented: string) {
  const now = Date.now()
  const stored = await new TokenRepository(db).findRefreshToken(hashCredential(presented), now)
  if (stored === undefined) throw new Error('the refresh token is unknown')
  const { clientId, userId, familyId, scope, audience } = stored
  const refreshToken = `prt_${'x'.repeat(43)}`
  const accessHash = randomBytes(32).toString('hex')
  const row = { lastFour: 'xxxx', clientId, userId, familyId, scope, audience }
  const times = { issuedAt: now, expiresAt: now + 3_600_000 }
  return {
    refreshToken,
    accessHash,
    async store(transaction: Database) {
      const tokens = new TokenRepository(transaction)
      await tokens.prolongFamily(familyId, times.expiresAt)
      await tokens.consumeRefreshToken(stored.hash, now)
      await tokens.insertRefreshToken({ ...row, ...times, hash: hashCredential(refreshToken) })
      await tokens.insertAccessToken({ ...row, ...times, hash: accessHash })
    },
  }
}
