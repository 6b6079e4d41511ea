import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'
import { assertionType } from '../../oauth-server/clients/client-assertion.ts'
import type { Client } from '../../oauth-server/store/client.ts'
import type { TestServer } from './oauth-server.ts'

/** A client's key, and the set in which it is registered. */
export interface ClientKey {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwks: string
}

export async function makeClientKey(algorithm = 'ES256', kid = 'key-1'): Promise<ClientKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid }
  return { privateKey, publicKey, jwks: JSON.stringify({ keys: [jwk] }) }
}

/** A client that authenticates by its key. */
export async function createKeyClient(server: TestServer, key: ClientKey): Promise<Client> {
  const { client } = await server.registry.create(
    {
      name: 'Keyed',
      roles: [],
      scopes: ['user', 'introspect'],
      quota: { limit: 1_000, windowMs: 3_600_000 },
      grantTypes: ['client_credentials'],
      authMethod: 'private_key_jwt',
      jwks: key.jwks,
    },
    { id: 'tester', address: null },
  )
  return client
}

/** What an assertion says, right unless it is told otherwise; a claim that is `undefined` is left out. */
export function claimsFor(server: TestServer, client: Client, claims: Record<string, unknown> = {}) {
  const now = Math.floor(server.clock.now / 1_000)
  const right = {
    iss: client.id,
    sub: client.id,
    aud: server.url,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
  }
  return { ...right, ...claims }
}

export function signAssertion(
  claims: Record<string, unknown>,
  key: CryptoKey | Uint8Array,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'key-1', ...header } as JWTHeaderParameters)
    .sign(key)
}

/** The assertion as form parameters. */
export function assertionForm(assertion: string): Record<string, string> {
  return { client_assertion_type: assertionType, client_assertion: assertion }
}
