import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { defaultCost, HasherOverloaded, PasswordHasher } from '../../oauth-server/users/password-hasher.ts'

const cheap = { ln: 4, r: 8, p: 1 }

t.test('the cost is one that OWASP advises', async (t) => {
  const { ln, r, p } = defaultCost
  t.ok(2 ** ln * r * p >= 2 ** 15 * 8 * 3)
  const hasher = new PasswordHasher(randomBytes)
  const hash = await hasher.hash('correct horse')
  t.match(hash, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.equal(await hasher.verify('correct horse', hash), true)
  t.equal(await hasher.verify('correct horses', hash), false)
})

t.test('the vector of RFC 7914 §12', async (t) => {
  const toBase64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const key = Buffer.from('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2', 'hex')
  const stored = `$scrypt$ln=14,r=8,p=1$${toBase64(Buffer.from('SodiumChloride'))}$${toBase64(key)}`
  const hasher = new PasswordHasher(randomBytes, cheap)
  t.equal(await hasher.verify('pleaseletmein', stored), true, 'the cost is the stored one')
  t.equal(await hasher.verify('pleaseletmeout', stored), false)
  t.equal(hasher.isOutdated(stored), true)
  t.equal(hasher.isOutdated(await hasher.hash('x')), false)
})

t.test('every password matches its own hash and no other, and two hashes of it differ', async (t) => {
  const hasher = new PasswordHasher(randomBytes, cheap)
  const passwords = fc.string({ unit: 'binary', maxLength: 60 })
  await t.resolves(() =>
    fc.assert(
      fc.asyncProperty(passwords, passwords, async (one, other) => {
        const hash = await hasher.hash(one)
        const isSame = one.normalize('NFKC') === other.normalize('NFKC')
        return (
          (await hasher.verify(one, hash)) &&
          (await hasher.verify(other, hash)) === isSame &&
          hash !== (await hasher.hash(one))
        )
      }),
    ),
  )
})

t.test('keyboards that compose signs differently give the same password', async (t) => {
  const hasher = new PasswordHasher(randomBytes, cheap)
  t.equal(await hasher.verify('pa\u0308sswort', await hasher.hash('p\u00e4sswort')), true)
})

t.test('what is no hash matches nothing, and is no failure', async (t) => {
  const hasher = new PasswordHasher(randomBytes, cheap)
  const [salt, key] = ['A'.repeat(22), 'A'.repeat(43)]
  for (const stored of [
    null,
    '',
    'correct horse',
    `$scrypt$ln=99,r=8,p=1$${salt}$${key}`,
    `$scrypt$ln=0,r=8,p=1$${salt}$${key}`,
    `$scrypt$ln=20,r=16,p=1$${salt}$${key}`,
    `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${key}`,
  ])
    t.equal(await hasher.verify('', stored), false, String(stored))
  await fc.assert(fc.asyncProperty(fc.string(), async (stored) => !(await hasher.verify('x', stored))))
})

t.test('two run at a time, fifty wait, and more are refused at once', async (t) => {
  const hasher = new PasswordHasher(randomBytes, cheap)
  const results = await Promise.allSettled(Array.from({ length: 60 }, () => hasher.verify('x', null)))
  const refused = results.filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 8)
  for (const result of refused) t.ok('reason' in result && result.reason instanceof HasherOverloaded)
  t.equal(await hasher.verify('x', null), false, 'and then it goes on')
})
