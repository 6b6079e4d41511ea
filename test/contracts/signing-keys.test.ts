import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { ClientRegistry } from '../../oauth-server/clients/client-registry.ts'
import { defaultOAuthServerSettings } from '../../oauth-server/config/settings.ts'
import { KeyCipher } from '../../oauth-server/keys/key-cipher.ts'
import { KeyRegistry } from '../../oauth-server/keys/key-registry.ts'
import { publishedAheadMs, rereadAfterMs } from '../../oauth-server/keys/key-schedule.ts'
import { SigningKeys } from '../../oauth-server/keys/signing-keys.ts'
import { startOAuthServer } from '../../oauth-server/main.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import type { Database } from '../../oauth-server/store/tables.ts'
import { TokenRepository } from '../../oauth-server/store/token-repository.ts'
import { captureLog } from '../support/captured-log.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { obtainTokens, startTestServer, tester } from '../support/oauth-server.ts'

const hour = 3_600_000

for (const kind of await databaseKinds())
  t.test(`signing keys on ${kind.name}`, kind.options, (t) => holdContract(t, kind))

async function holdContract(t: Test, kind: DatabaseKind): Promise<void> {
  t.test('of many servers that start at once one makes the first key, and all sign by it', async (t) => {
    const { db, keys, log } = await open(t)
    const servers = Array.from({ length: 8 }, () => keys())
    await Promise.all(servers.map((server) => server.prepare()))
    const kids = await Promise.all(servers.map(async (server) => (await server.signer()).kid))
    t.equal(new Set(kids).size, 1)
    t.match(await db.selectFrom('signing_keys').selectAll().execute(), [{ kid: kids[0], generation: 1 }])
    const entries = await db.selectFrom('audit_entries').selectAll().execute()
    t.match(entries, [{ actor: 'oauth-server', action: 'key.created', target: `key:${kids[0]}` }])
    t.equal(entries.length, 1, 'and it is written down once')
    t.strictSame(log, [])
  })

  t.test('A19: a key is published before it signs, and stays until its last token has expired', async (t) => {
    const { db, clock, cipher, registry, keys } = await open(t)
    const [one, other] = [keys(), keys()]
    await one.prepare()
    await other.prepare()
    const first = (await one.signer()).kid
    const next = await registry.rotate({ algorithm: 'EdDSA', immediately: false }, cipher, tester)
    t.match(next, { state: 'next', algorithm: 'EdDSA', signsFrom: clock.now + publishedAheadMs })
    clock.now += rereadAfterMs
    for (const server of [one, other]) {
      t.strictSame(kidsOf(await server.publicKeys()), [first, next.kid], 'both publish it by now')
      t.equal((await server.signer()).kid, first, 'and neither signs by it')
    }
    clock.now = next.signsFrom - 1
    t.equal((await one.signer()).kid, first)
    clock.now += 1
    for (const server of [one, other]) t.equal((await server.signer()).kid, next.kid, 'both at once')
    await insertToken(db, { kid: first, expiresAt: clock.now + 5 * hour })
    t.match(await registry.list(), [{ state: 'old' }, { state: 'signing' }])
    clock.now += 5 * hour - 1
    t.equal(await deleteExpiredRows(db, clock.now, 10), 0, 'its last token still lives')
    clock.now += 1
    t.equal(await deleteExpiredRows(db, clock.now, 10), 2, 'the token and the key')
    t.strictSame(kidsOf(await one.publicKeys()), [next.kid])
    t.equal(await deleteExpiredRows(db, clock.now, 10), 0, 'the key that signs is never deleted')
  })

  t.test('an old key without tokens stays as long as clocks may differ', async (t) => {
    const { db, clock, cipher, registry, keys } = await open(t)
    await keys().prepare()
    const next = await registry.rotate({ algorithm: 'ES256', immediately: false }, cipher, tester)
    clock.now = next.signsFrom + hour - 1
    t.equal(await deleteExpiredRows(db, clock.now, 10), 0)
    clock.now += 1
    t.equal(await deleteExpiredRows(db, clock.now, 10), 1)
  })

  t.test('of several rotations at once one wins, and the others say what is under way', async (t) => {
    const { cipher, registry, keys } = await open(t)
    await keys().prepare()
    const rotations = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        registry.rotate({ algorithm: 'ES256', immediately: false }, cipher, tester),
      ),
    )
    const won = rotations.filter(({ status }) => status === 'fulfilled')
    t.equal(won.length, 1)
    const [, next] = await registry.list()
    for (const rotation of rotations)
      if (rotation.status === 'rejected')
        t.match(rotation.reason, {
          name: 'RotationUnderWay',
          message: new RegExp(`^the key ${next?.kid} is published already and signs from 20.*--immediately$`),
        })
    t.equal((await registry.list()).length, 2)
  })

  t.test('a key in wrong hands is withdrawn at once, in every server within ten seconds', async (t) => {
    const { db, clock, cipher, registry, keys } = await open(t)
    const server = keys()
    await server.prepare()
    await registry.rotate({ algorithm: 'ES256', immediately: false }, cipher, tester)
    const next = await registry.rotate({ algorithm: 'ES256', immediately: true }, cipher, tester)
    clock.now += rereadAfterMs
    t.equal((await server.signer()).kid, next.kid)
    t.strictSame(kidsOf(await server.publicKeys()), [next.kid])
    const entries = await db.selectFrom('audit_entries').select('detail').orderBy('id').execute()
    t.ok(entries.some(({ detail }) => JSON.parse(detail).withdrawn?.length === 2))
  })

  t.test('A19: the database holds no private key, and the key set no private member', async (t) => {
    const { db, cipher, keys } = await open(t)
    const server = keys()
    await server.prepare()
    const stored = await db.selectFrom('signing_keys').selectAll().executeTakeFirstOrThrow()
    const { d = '' } = await cipher.open(stored.private_jwe, stored.kid)
    t.match(d, /^[\w-]{43}$/)
    t.match(decodeProtectedHeader(stored.private_jwe), { alg: 'dir', enc: 'A256GCM', kid: stored.kid })
    for (const table of ['signing_keys', 'audit_entries'] as const)
      t.notOk(JSON.stringify(await db.selectFrom(table).selectAll().execute()).includes(d))
    const [published, ...others] = (await server.publicKeys()).keys
    t.strictSame(Object.keys(published ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    t.strictSame(others, [])
  })

  t.test('who can write to the database can still not bring a key of their own', async (t) => {
    const { db, clock, cipher, registry, keys } = await open(t)
    await keys().prepare()
    await registry.rotate({ algorithm: 'ES256', immediately: false }, cipher, tester)
    const [one, two] = await db.selectFrom('signing_keys').selectAll().orderBy('generation').execute()
    const unreadable = { name: 'SigningKeyUnreadable', message: /cannot be decrypted: give the server/ }
    const forged = async (column: 'private_jwe' | 'public_jwk', value = '') => {
      await db
        .updateTable('signing_keys')
        .set({ [column]: value })
        .where('generation', '=', 1)
        .execute()
      await t.rejects(keys().prepare(), unreadable, column)
    }
    await forged('private_jwe', two?.private_jwe)
    await forged('private_jwe', await new KeyCipher(randomBytes(32)).seal({ kty: 'EC' }, one?.kid ?? ''))
    await forged('private_jwe', 'nonsense')
    await db
      .updateTable('signing_keys')
      .set({ private_jwe: one?.private_jwe ?? '' })
      .where('generation', '=', 1)
      .execute()
    await keys().prepare()
    await forged('public_jwk', two?.public_jwk)
    const next = await registry.rotate({ algorithm: 'ES256', immediately: true }, cipher, tester)
    await keys().prepare()
    clock.now += 1
    t.equal((await registry.list())[0]?.kid, next.kid, 'the way out is a new key at once')
  })

  t.test('two servers and a command line agree', async (t) => {
    const keyEncryptionKey = randomBytes(32).toString('base64url')
    const first = await startTestServer(t, { keyEncryptionKey }, kind.create)
    const settings = defaultOAuthServerSettings({
      listen: { host: '127.0.0.1', port: 0 },
      database: first.database.url,
      keyEncryptionKey,
    })
    const second = await startOAuthServer(settings, captureLog().log, () => first.clock.now)
    t.teardown(() => second.close())
    const client = await first.create({ tokenFormat: 'jwt' })
    const kids = async () => {
      const tokens = []
      for (const { url } of [first, second]) tokens.push(await obtainTokens({ ...first, ...at(url) }, client))
      return tokens.map(({ access_token }) => decodeProtectedHeader(access_token).kid)
    }
    const [old, ...others] = await kids()
    t.strictSame(others, [old])
    const registry = new KeyRegistry(first.db, () => first.clock.now)
    const cipher = new KeyCipher(Buffer.from(keyEncryptionKey, 'base64url'))
    const next = await registry.rotate({ algorithm: 'ES256', immediately: false }, cipher, tester)
    first.clock.now = next.signsFrom
    t.strictSame(await kids(), [next.kid, next.kid])
    for (const { url } of [first, second]) {
      const published = await (await fetch(`${url}/.well-known/jwks.json`)).json()
      t.match(published, { keys: [{ kid: old }, { kid: next.kid }] })
    }
  })

  t.test('keys that are in hand go on while the database is away', async (t) => {
    const { db, clock, keys, log } = await open(t)
    const server = keys()
    await server.prepare()
    const before = await server.publicKeys()
    await db.schema.alterTable('signing_keys').renameTo('elsewhere').execute()
    clock.now += rereadAfterMs
    t.strictSame(await server.publicKeys(), before)
    t.match(log.join(''), /the signing keys could not be read again/)
  })

  async function open(t: Test) {
    const database = await kind.create()
    const db = await openDatabase(database.url)
    t.teardown(async () => {
      await db.destroy()
      await database.drop()
    })
    const clock = { now: Date.now() }
    const now = () => clock.now
    const cipher = new KeyCipher(randomBytes(32))
    const { lines, log } = captureLog()
    const keys = () => new SigningKeys({ db, now, log, cipher, algorithm: 'ES256' })
    return { db, clock, cipher, keys, log: lines, registry: new KeyRegistry(db, now) }
  }
}

function kidsOf({ keys }: { keys: readonly { kid?: string }[] }): (string | undefined)[] {
  return keys.map(({ kid }) => kid)
}

/** The test server's ways to ask, at another server. */
function at(url: string) {
  return {
    post: (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
      fetch(url + path, { method: 'POST', body: new URLSearchParams(form), headers }),
  }
}

async function insertToken(
  db: Database,
  { kid, expiresAt }: { kid: string; expiresAt: number },
): Promise<void> {
  const registry = new ClientRegistry(db, { now: () => 1, random: randomBytes })
  const quota = { limit: 1, windowMs: 1_000 }
  const wanted = {
    name: 'A',
    roles: [],
    scopes: ['user'],
    quota,
    grantTypes: ['client_credentials'],
  } as const
  const { client } = await registry.create(wanted, tester)
  await new TokenRepository(db).insertAccessToken({
    hash: kid,
    lastFour: 'last',
    clientId: client.id,
    userId: null,
    familyId: null,
    scope: [],
    audience: [],
    issuedAt: 1,
    expiresAt,
    keyId: kid,
  })
}
