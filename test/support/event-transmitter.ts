import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Test } from 'tap'
import { startBackendRecorder } from './backend-recorder.ts'
import { sendJson } from './identity-stub.ts'

/** Who signs Security Event Tokens, with its published keys. */
export interface TestTransmitter {
  readonly settings: { readonly issuer: string; readonly audience: string; readonly jwks: string }
  readonly key: CryptoKey
  /** The published key set; a test may change it. */
  readonly published: JWK[]
  /** How often the key set was asked for. */
  countFetches(): number
  /** Whether the key set cannot be had. */
  isDown: boolean
  /** A token as the transmitter pushes it, with parts of it replaced. */
  sign(changes?: {
    readonly claims?: Readonly<Record<string, unknown>>
    readonly header?: Readonly<Record<string, unknown>>
    readonly key?: CryptoKey | Uint8Array
  }): Promise<string>
}

export const sessionRevoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'

let count = 0

export async function startTestTransmitter(t: Test): Promise<TestTransmitter> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const published: JWK[] = [{ ...(await exportJWK(publicKey)), kid: 'first', alg: 'ES256', use: 'sig' }]
  const server = await startBackendRecorder()
  t.teardown(() => server.close())
  const settings = {
    issuer: 'https://idp.example/',
    audience: 'https://gateway.example/',
    jwks: `${server.url}/jwks`,
  }
  const transmitter: TestTransmitter = {
    settings,
    key: privateKey,
    published,
    countFetches: () => server.requests.length,
    isDown: false,
    async sign({ claims = {}, header = {}, key = privateKey } = {}) {
      count += 1
      const all: Record<string, unknown> = {
        iss: settings.issuer,
        aud: settings.audience,
        iat: Math.floor(Date.now() / 1_000),
        jti: `event-${count}`,
        sub_id: { format: 'iss_sub', iss: settings.issuer, sub: 'ann' },
        events: { [sessionRevoked]: {} },
        ...claims,
      }
      return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))
        .setProtectedHeader({ alg: 'ES256', kid: 'first', typ: 'secevent+jwt', ...header })
        .sign(key)
    },
  }
  server.answer = (_request, response) =>
    transmitter.isDown ? sendJson(response, 500, {}) : sendJson(response, 200, { keys: published })
  return transmitter
}
