/*
 * The attack: to make the gateway work for the attacker. A JWT names the key that signed it, and a gateway that does not
 * know the name has to ask the issuer, because the key may be new. Who sends tokens with ever new names turns each of them
 * into a request to the issuer, and the issuer into the one that fails.
 * Known cases: the unbounded look-ups of unknown `kid` in many resource servers, for which jose has its cooldown.
 */
import t from 'tap'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { makeKey, startIssuer, testAudience } from '../support/issuer.ts'

t.test(
  '1,000 tokens by unknown keys cost one fetch of the key set in ten seconds, and no good client is held up',
  async (t) => {
    let nowMs = 1_800_000_000_000
    const issuer = await startIssuer(() => nowMs)
    const backend = await startBackendRecorder()
    const gateway = await startTestGateway(
      {
        identity: { jwt: { issuer: issuer.url, audience: testAudience, jwks: issuer.jwksUrl } },
        routes: { '/': { to: backend.url } },
        tokenLookUps: { perAddress: '100000/1s', total: '100000/1s' },
      },
      () => nowMs,
    )
    t.teardown(() => Promise.all([gateway.close(), issuer.close(), backend.close()]))
    const call = async (token: string) => {
      const response = await fetch(gateway.url, { headers: { authorization: `Bearer ${token}` } })
      await response.text()
      return response.status
    }
    t.equal(await call(await issuer.sign()), 200)
    t.equal(issuer.fetches(), 1)
    const foreign = await makeKey()
    let kid = 0
    const statuses = new Map<number, number>()
    const attack = async () => {
      kid += 1
      const status = await call(await issuer.sign({ key: foreign, header: { kid: `unknown ${kid}` } }))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    for (let round = 0; round < 10; round += 1) {
      nowMs += 2_500
      await Promise.all([
        ...Array.from({ length: 100 }, attack),
        issuer.sign().then(async (token) => t.equal(await call(token), 200)),
      ])
    }
    t.same([...statuses], [[401, 1_000]])
    t.equal(issuer.fetches(), 3, 'the first, and two in 25 seconds')

    // With the issuer down it is not known whether the keys are new: no definite no, and no more fetches for it.
    issuer.recorder.answer = (request) => request.socket.destroy()
    statuses.clear()
    nowMs += 10_000
    for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 100 }, attack))
    t.same([...statuses], [[503, 500]])
    t.equal(await call(await issuer.sign()), 200, 'the last good keys go on')
    t.equal(issuer.fetches(), 4)
  },
)
