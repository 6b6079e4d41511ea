import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  ClientRegistry,
  ClientRuleBroken,
  type NewClient,
} from '../../oauth-server/clients/client-registry.ts'
import { mintCredential } from '../../oauth-server/credentials.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'

const wanted: NewClient = {
  name: 'Tracks',
  roles: ['USER'],
  scopes: ['user'],
  quota: { limit: 1, windowMs: 1_000 },
  grantTypes: ['client_credentials'],
}

const db = await openDatabase('sqlite::memory:')
t.teardown(() => db.destroy())
const registry = new ClientRegistry(db, { now: () => 1, random: randomBytes })

t.test('what breaks a rule is named with its value and the rule', async (t) => {
  const broken: readonly (readonly [Partial<NewClient>, RegExp])[] = [
    [{ name: '' }, /name "" must be 1 to 100 printable characters/],
    [{ name: '   ' }, /name/],
    [{ name: 'x'.repeat(101) }, /name/],
    [{ name: 'a\nb' }, /name "a\\nb" must be/],
    [{ name: 'a\u{202e}b' }, /name/],
    [{ name: '\ud800' }, /name/],
    [{ roles: ['USER', 'a,b'] }, /role "a,b" must be 1 to 64 letters/],
    [{ roles: [''] }, /role ""/],
    [{ roles: ['x'.repeat(65)] }, /role/],
    [
      { roles: Array.from({ length: 51 }, (_, index) => `R${index}`) },
      /roles "51 of them" must be at most 50/,
    ],
    [{ scopes: [] }, /scopes/],
    [{ scopes: ['a b'] }, /scope "a b" must be/],
    [{ scopes: ['a"b'] }, /scope/],
    [{ scopes: ['a\\b'] }, /scope/],
    [{ quota: { limit: 0, windowMs: 1_000 } }, /quota "0\/1s"/],
    [{ quota: { limit: 1.5, windowMs: 1_000 } }, /quota/],
    [{ quota: { limit: 1, windowMs: 999 } }, /quota/],
    [{ quota: { limit: 1, windowMs: 1_500 } }, /in whole seconds/],
  ]
  for (const [change, message] of broken) {
    const error = await registry.create({ ...wanted, ...change }).catch((caught: unknown) => caught)
    t.ok(error instanceof ClientRuleBroken, String(message))
    t.match(error, { message })
    t.notMatch((error as Error).message, /\n/)
  }
  t.strictSame(await registry.list(), [])
})

t.test('ids are readable, and different for the same name', async (t) => {
  const first = await registry.create({ ...wanted, name: '  Ma Chaîne — TV!  ' })
  const second = await registry.create({ ...wanted, name: '  Ma Chaîne — TV!  ' })
  t.match(first.client.id, /^ma-chaine-tv-[a-z2-9]{8}$/)
  t.not(first.client.id, second.client.id)
  t.not(first.secret, second.secret)
  t.match((await registry.create({ ...wanted, name: '日本' })).client.id, /^client-[a-z2-9]{8}$/)
  const long = (await registry.create({ ...wanted, name: 'x-'.repeat(50) })).client.id
  t.match(long, /^[a-z0-9-]{1,64}$/)
})

t.test('a credential holds all of its 256 random bits', (t) => {
  const zeros = mintCredential('pat', (size) => new Uint8Array(size))
  const ones = mintCredential('pat', (size) => new Uint8Array(size).fill(0xff))
  t.equal(zeros, `pat_${'0'.repeat(43)}`)
  const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const value = [...ones.slice(4)].reduce((sum, sign) => sum * 62n + BigInt(base62.indexOf(sign)), 0n)
  t.equal(value, 2n ** 256n - 1n)
  t.end()
})
