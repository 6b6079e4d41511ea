import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { hashCredential } from '../../oauth-server/credentials.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { basic, postForm, startTestServer } from '../support/oauth-server.ts'
import { killProcess, startServerProcess } from '../support/server-process.ts'
import {
  createUser,
  exchangeCode,
  obtainCode,
  type TokenAnswer,
  webApplication,
} from '../support/user-browser.ts'

/** When the server is killed after its first answer: of many exchanges at once these hit every step of some. */
const momentsMs = [0, 2, 5, 9, 14]

const codesAtATime = 16

for (const kind of await databaseKinds())
  t.test(`exchanging codes and kill -9 on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, { create }: DatabaseKind): Promise<void> {
  t.test('A7: a server that is killed while it exchanges codes leaves no half of anything', async (t) => {
    const server = await startTestServer(t, {}, create)
    const client = await server.create(webApplication)
    const { user } = await createUser(server)
    const next = await startServerProcess(t, server.database.url)
    for (const afterMs of momentsMs) {
      const codes: string[] = []
      while (codes.length < codesAtATime) codes.push(await obtainCode(server, { client, userId: user.id }))
      const told = await exchangeUntilKilled(codes, afterMs)
      let lost = 0
      for (const code of codes) {
        const answer = told.get(code)
        if (answer !== undefined) await holdTold(code, answer)
        else if (!(await holdUntold(code))) lost += 1
      }
      t.comment(`${afterMs} ms: ${told.size} told, ${lost} used up and not told of, of ${codes.length}`)
    }

    /** Has another server exchange all codes at once, and kills it; gives what it answered until then. */
    async function exchangeUntilKilled(codes: readonly string[], afterMs: number) {
      const killed = await startServerProcess(t, server.database.url)
      const told = new Map<string, TokenAnswer>()
      const exchanges = codes.map(async (code) => {
        const { status, body } = await exchangeAt(killed.url, code)
        t.equal(status, 200)
        told.set(code, body)
      })
      await Promise.any(exchanges)
      await pause(afterMs)
      await killProcess(killed)
      await Promise.allSettled(exchanges)
      return told
    }

    async function holdTold(code: string, answer: TokenAnswer) {
      const { access, refresh } = await grantOf(code)
      t.strictSame(access, [hashCredential(answer.access_token)], 'what was told of is stored')
      t.strictSame(refresh, [hashCredential(answer.refresh_token ?? '')])
      const form = { grant_type: 'refresh_token', refresh_token: answer.refresh_token ?? '' }
      const { status } = await postForm(`${next.url}/oauth/token`, form, basic(client))
      t.equal(status, 200, 'and goes on at the next server')
    }

    /** Whether the code could still be exchanged. One that was used up is so with its tokens, which its return revokes. */
    async function holdUntold(code: string): Promise<boolean> {
      const { status } = await exchangeAt(next.url, code)
      const { consumedAt, revokedAt, access, refresh } = await grantOf(code)
      t.ok(status === 200 || status === 400, `no failure: ${status}`)
      t.not(consumedAt, null)
      t.strictSame([access.length, refresh.length], [1, 1], 'a code is used up exactly with its tokens')
      t.equal(revokedAt === null, status === 200, 'and who comes for them twice has none')
      return status === 200
    }

    function exchangeAt(url: string, code: string) {
      return exchangeCode({ ...server, post: (path, ...rest) => postForm(url + path, ...rest) }, client, {
        code,
      })
    }

    async function grantOf(code: string) {
      const { consumed_at: consumedAt, family_id } = await server.db
        .selectFrom('authorization_codes')
        .select(['consumed_at', 'family_id'])
        .where('hash', '=', hashCredential(code))
        .executeTakeFirstOrThrow()
      const hashes = async (table: 'access_tokens' | 'refresh_tokens') =>
        (await server.db.selectFrom(table).select('hash').where('family_id', '=', family_id).execute()).map(
          ({ hash }) => hash,
        )
      const family = await server.db
        .selectFrom('token_families')
        .select('revoked_at')
        .where('id', '=', family_id)
        .executeTakeFirst()
      t.ok(family, 'no family is lost')
      return {
        consumedAt,
        revokedAt: family?.revoked_at,
        access: await hashes('access_tokens'),
        refresh: await hashes('refresh_tokens'),
      }
    }
  })
}
