import t from 'tap'
import { AssertionRepository } from '../../oauth-server/store/assertion-repository.ts'
import { deleteExpiredRows } from '../../oauth-server/store/expired-rows.ts'
import {
  assertionForm,
  claimsFor,
  createKeyClient,
  makeClientKey,
  signAssertion,
} from '../support/assertions.ts'
import { createPostgres, databaseKinds } from '../support/databases.ts'
import { startTestServer } from '../support/oauth-server.ts'
import { needs, postgres } from '../support/services.ts'

const key = await makeClientKey()

for (const kind of await databaseKinds())
  t.test(`A23: ${kind.name} lets an assertion be used once`, kind.options, async (t) => {
    const server = await startTestServer(t, {}, kind.create)
    const { id: clientId } = await createKeyClient(server, key)
    const { id: otherId } = await createKeyClient(server, key)
    const assertions = new AssertionRepository(server.db)
    const use = (expiresAt: number, idHash = 'a') => assertions.use({ clientId, idHash, expiresAt })
    const uses = await Promise.all(Array.from({ length: 50 }, () => use(100)))
    t.equal(uses.filter(Boolean).length, 1, 'of fifty at once, one')
    t.ok(await assertions.use({ clientId: otherId, idHash: 'a', expiresAt: 100 }), 'clients do not share ids')
    for (let i = 0; i < 5; i += 1) await use(50, `early-${i}`)
    await use(101, 'late')
    t.equal(await deleteExpiredRows(server.db, 50, 3), 3, 'swept in batches')
    t.equal(await deleteExpiredRows(server.db, 100, 10), 4)
    t.notOk(await use(101, 'late'), 'what has not expired stays')
    await server.db.deleteFrom('clients').where('id', '=', clientId).execute()
    t.same(
      await server.db.selectFrom('client_assertions').selectAll().execute(),
      [],
      'they go with their client',
    )
  })

t.test(
  'A23: two servers on one Postgres take an assertion once between them',
  await needs(postgres),
  async (t) => {
    const shared = await createPostgres()
    t.teardown(() => shared.drop())
    const lent = async () => ({ ...shared, drop: async () => undefined })
    const issuer = 'https://login.example'
    const [one, two] = [
      await startTestServer(t, { issuer }, lent),
      await startTestServer(t, { issuer }, lent),
    ]
    const client = await createKeyClient(one, key)
    for (let round = 0; round < 5; round += 1) {
      const assertion = await signAssertion(claimsFor(one, client, { aud: issuer }), key.privateKey)
      const form = { grant_type: 'client_credentials', ...assertionForm(assertion) }
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).post('/oauth/token', form)),
      )
      t.equal(answers.filter(({ status }) => status === 200).length, 1)
    }
  },
)
