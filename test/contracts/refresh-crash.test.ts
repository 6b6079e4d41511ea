import t, { type Test } from 'tap'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { basic, obtainTokens, startTestServer } from '../support/oauth-server.ts'
import { refreshUntilKilled } from '../support/refreshing-process.ts'

/** When the process is killed after its first refresh; a refresh takes some milliseconds, so that these hit every step. */
const momentsMs = [0, 1, 2, 3, 5, 7, 11, 16]

for (const kind of await databaseKinds())
  t.test(`refreshing and kill -9 on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, { create }: DatabaseKind): Promise<void> {
  t.test('A13: a process that is killed while it refreshes leaves no half of anything', async (t) => {
    const server = await startTestServer(t, {}, create)
    const client = await server.create({ grantTypes: ['client_credentials', 'refresh_token'] })
    const tokens = new TokenRepository(server.db)
    for (const afterMs of momentsMs) {
      const first = await obtainTokens(server, client)
      const start = { clientId: client.client.id, refreshToken: first.refresh_token }
      const told = await refreshUntilKilled(server.database.url, start, afterMs)
      for (const { accessToken, refreshToken } of told) {
        t.ok(await tokens.findActiveAccessToken(hashCredential(accessToken), Date.now()))
        t.ok(await tokens.findRefreshToken(hashCredential(refreshToken), Date.now()))
      }
      const family = await familyOf(first.refresh_token)
      t.equal(family.unused.length, 1, 'the chain has one end')
      t.equal(family.access, family.refresh, 'each refresh token came with its access token')
      t.ok(family.refresh - 1 - told.length <= 1, 'at most the last refresh was done and not told of')
      t.equal(family.revokedAt, null)
      const last = told.at(-1)?.refreshToken ?? ''
      const form = { grant_type: 'refresh_token', refresh_token: last }
      const { status } = await server.post('/oauth/token', form, basic(client))
      t.equal(status, family.unused[0] === hashCredential(last) ? 200 : 400, 'what was told last goes on')
      t.equal((await familyOf(first.refresh_token)).revokedAt, null, 'and who comes back is no thief')
    }

    async function familyOf(refreshToken: string) {
      const { db } = server
      const { family_id } = await db
        .selectFrom('refresh_tokens')
        .select('family_id')
        .where('hash', '=', hashCredential(refreshToken))
        .executeTakeFirstOrThrow()
      const rows = (table: 'access_tokens' | 'refresh_tokens') =>
        db.selectFrom(table).selectAll().where('family_id', '=', family_id).execute()
      const refresh = await rows('refresh_tokens')
      const { revoked_at } = await db
        .selectFrom('token_families')
        .select('revoked_at')
        .where('id', '=', family_id)
        .executeTakeFirstOrThrow()
      return {
        access: (await rows('access_tokens')).length,
        refresh: refresh.length,
        unused: refresh.flatMap((row) =>
          'consumed_at' in row && row.consumed_at === null ? [row.hash] : [],
        ),
        revokedAt: revoked_at,
      }
    }
  })
}
