import { randomBytes } from 'node:crypto'
import t from 'tap'
import { PasswordHasher } from '../../oauth-server/users/password-hasher.ts'
import { SignIn } from '../../oauth-server/users/sign-in.ts'
import { UserRegistry } from '../../oauth-server/users/user-registry.ts'
import { startTestServer, tester } from '../support/oauth-server.ts'
import { createUser, parametersFor, password, UserBrowser, webApplication } from '../support/user-browser.ts'

const cheap = { ln: 4, r: 1, p: 1 }

async function start(t: Parameters<typeof startTestServer>[0]) {
  const { db, clock } = await startTestServer(t)
  const hasher = new PasswordHasher(randomBytes, cheap)
  const registry = new UserRegistry(db, { now: () => clock.now, hasher })
  const user = await registry.create({ username: 'Anna', password: 'correct horse' }, tester)
  return { db, clock, user }
}

t.test('A4: a user signs in from elsewhere while somebody tries their password', async (t) => {
  const failureLimits = { windowMs: 60_000, perClientAndAddress: 3, perAddress: 6, perClient: 100 }
  const server = await startTestServer(t, { failureLimits, trustedProxies: ['127.0.0.1'] })
  const client = await server.create(webApplication)
  await createUser(server)
  const attempt = async (address: string, fields: Record<string, string> = {}) => {
    const browser = new UserBrowser(server)
    browser.headers['x-forwarded-for'] = address
    const page = await browser.authorize(parametersFor(client))
    return browser.submit(page, 'login', { decision: 'sign-in', username: 'anna', password, ...fields })
  }
  for (let failure = 0; failure < 3; failure += 1)
    t.equal((await attempt('192.0.2.1', { password: 'wrong' })).status, 401)
  for (const username of ['anna', 'ANNA', '\uff21nna']) {
    const limited = await attempt('192.0.2.1', { username })
    t.equal(limited.status, 429, 'however the name is written')
    t.equal(limited.headers.get('retry-after'), '60')
    t.match(limited.html, /role="alert"/)
  }
  t.match((await attempt('192.0.2.2')).html, /asks for access/)
  for (let user = 0; user < 3; user += 1)
    t.equal((await attempt('192.0.2.1', { username: `user${user}` })).status, 401)
  t.equal((await attempt('192.0.2.1', { username: 'user9' })).status, 429, 'the address has had its failures')
  server.clock.now += 60_000
  t.match((await attempt('192.0.2.1')).html, /asks for access/)
})

t.test('one address does not keep the others from signing in', async (t) => {
  const { db } = await start(t)
  const hasher = new PasswordHasher(randomBytes)
  const signIn = new SignIn({ db, hasher })
  const attempt = (address: string) => signIn.attempt({ username: 'anna', password: 'wrong', address })
  const greedy = Array.from({ length: 6 }, () => attempt('192.0.2.1'))
  await t.rejects(async () => greedy.at(-1), { name: 'HasherOverloaded' })
  t.equal(await attempt('192.0.2.2'), undefined)
  t.strictSame(await Promise.all(greedy.slice(0, 5)), Array(5).fill(undefined))
  t.equal(await attempt('192.0.2.1'), undefined, 'when they are done others may come')
})

t.test('a hash of an older cost is renewed when its owner signs in', async (t) => {
  const { db, user } = await start(t)
  const hasher = new PasswordHasher(randomBytes, { ...cheap, ln: 5 })
  const signIn = new SignIn({ db, hasher })
  const hash = async () =>
    (await db.selectFrom('users').select('password_hash').where('id', '=', user.id).executeTakeFirst())
      ?.password_hash
  t.match(await hash(), /^\$scrypt\$ln=4,r=1,p=1\$/)
  const attempt = { username: 'anna', address: '192.0.2.9' }
  await signIn.attempt({ ...attempt, password: 'wrong' })
  t.match(await hash(), /^\$scrypt\$ln=4,/)
  t.match(await signIn.attempt({ ...attempt, password: 'correct horse' }), { user: { id: user.id } })
  t.match(await hash(), /^\$scrypt\$ln=5,/)
  t.match(await signIn.attempt({ ...attempt, password: 'correct horse' }), { user: { id: user.id } })
})

t.test('A11: who was let in while the password was replaced is not let in by the old one', async (t) => {
  const { db, user, clock } = await start(t)
  const hasher = new PasswordHasher(randomBytes, cheap)
  const registry = new UserRegistry(db, { now: () => clock.now, hasher })
  const signIn = new SignIn({ db, hasher })
  const attempt = { username: 'anna', password: 'correct horse', address: '192.0.2.9' }
  const letIn = (await signIn.attempt(attempt)) ?? { user, passwordHash: null }
  t.equal(await signIn.isStill(letIn, attempt), true)
  await registry.setPassword(user.id, 'correct horse', tester)
  t.equal(await signIn.isStill(letIn, attempt), true, 'another hash of the same password')
  await registry.setPassword(user.id, 'another horse', tester)
  t.equal(await signIn.isStill(letIn, attempt), false)
  await registry.setPassword(user.id, 'correct horse', tester)
  await registry.disable(user.id, tester)
  t.equal(await signIn.isStill(letIn, attempt), false, 'nor who was disabled')
})

t.test('A3: whoever is unknown or cannot sign in costs the same hash as a wrong password', async (t) => {
  const { db, clock } = await start(t)
  const hashed: string[] = []
  class CountingHasher extends PasswordHasher {
    override verify(password: string, stored: string | null): Promise<boolean> {
      hashed.push(password)
      return super.verify(password, stored)
    }
  }
  const hasher = new CountingHasher(randomBytes, cheap)
  const registry = new UserRegistry(db, { now: () => clock.now, hasher })
  await registry.create({ username: 'nopassword' }, tester)
  const { id } = await registry.create({ username: 'disabled', password: 'correct horse' }, tester)
  await registry.disable(id, tester)
  const signIn = new SignIn({ db, hasher })
  for (const username of ['anna', 'nobody', 'nopassword', 'disabled']) {
    const password = username === 'disabled' ? 'correct horse' : `wrong ${username}`
    t.equal(await signIn.attempt({ username, password, address: '192.0.2.9' }), undefined)
    t.strictSame(hashed.splice(0), [password])
  }
})
