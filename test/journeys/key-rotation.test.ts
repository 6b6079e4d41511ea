import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { ResourceRegistry } from '../../oauth-server/clients/resource-registry.ts'
import { KeyCipher } from '../../oauth-server/keys/key-cipher.ts'
import { findKeyEncryptionKey } from '../../oauth-server/keys/key-encryption-key.ts'
import { KeyRegistry } from '../../oauth-server/keys/key-registry.ts'
import { Changes } from '../../oauth-server/store/changes.ts'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { obtainTokens, startTestServer, tester } from '../support/oauth-server.ts'

const api = 'https://api.example.org'
const second = 1_000

t.test(
  'A19: keys are rotated twice under a gateway and a strict verifier, and no token is refused',
  async (t) => {
    const server = await startTestServer(t)
    const { clock } = server
    const backend = await startBackendRecorder()
    await new ResourceRegistry(server.db, new Changes(server.db, () => clock.now)).create(
      { uri: api, name: 'The API', tokenFormat: 'jwt' },
      tester,
    )
    const client = await server.create({ audiences: [api] })
    const gateway = await startTestGateway(
      {
        identity: {
          jwt: { issuer: server.url, audience: api, algorithms: ['ES256', 'EdDSA'], keysMaxAge: '10m' },
        },
        routes: { '/api': { to: backend.url, roles: ['USER'] } },
      },
      () => clock.now,
    )
    t.teardown(async () => {
      await gateway.close()
      await backend.close()
    })
    const strict = strictVerifier(server.url, () => clock.now)
    const cipher = new KeyCipher(
      findKeyEncryptionKey({ keyEncryptionKey: undefined, database: server.database.url }) ??
        new Uint8Array(),
    )
    const registry = new KeyRegistry(server.db, () => clock.now)
    const held: string[] = []
    const kids = new Set<string>()
    let calls = 0
    for (let step = 0; step < 150; step += 1) {
      if (step === 20 || step === 80)
        await registry.rotate(
          { algorithm: step === 20 ? 'EdDSA' : 'ES256', immediately: false },
          cipher,
          tester,
        )
      const { access_token } = await obtainTokens(server, client)
      kids.add(decodeProtectedHeader(access_token).kid ?? '')
      held.push(access_token)
      // The new one, and one of half an hour before, whose key may be an old one by now.
      for (const token of [access_token, held[held.length - 60] ?? access_token]) {
        await strict.verify(token)
        const { status } = await fetch(`${gateway.url}/api`, {
          headers: { authorization: `Bearer ${token}` },
        })
        if (status !== 200) t.fail(`the gateway answered ${status} at step ${step}`)
        calls += 1
      }
      clock.now += 30 * second
    }
    t.equal(calls, 300)
    t.equal(kids.size, 3, 'three keys have signed')
    t.equal(strict.fetches.unplanned, 0, 'no verifier met a key that it did not know')
  },
)

/**
 * Verifies by jose's own rules, and keeps a key set for the ten minutes for which jose keeps it. It never asks for a new
 * one because of an unknown key, so that a key which signs before it is known would be refused.
 */
function strictVerifier(issuer: string, now: () => number) {
  const keepsForMs = 600_000
  const fetches = { unplanned: 0 }
  let mayFetch = false
  const make = () =>
    createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
      cooldownDuration: Number.MAX_SAFE_INTEGER,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      [customFetch]: async (url, options) => {
        if (!mayFetch) fetches.unplanned += 1
        mayFetch = false
        return fetch(url, options as RequestInit)
      },
    })
  let keys = make()
  let since = Number.NEGATIVE_INFINITY
  return {
    fetches,
    verify: async (token: string) => {
      if (now() - since >= keepsForMs) {
        keys = make()
        since = now()
        mayFetch = true
      }
      await jwtVerify(token, keys, {
        issuer,
        audience: api,
        typ: 'at+jwt',
        algorithms: ['ES256', 'EdDSA'],
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
        currentDate: new Date(now()),
      })
    },
  }
}
