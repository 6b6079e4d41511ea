import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { type BackendRecorder, startBackendRecorder } from './backend-recorder.ts'
import { sendJson } from './identity-stub.ts'

/** A key pair of an issuer, and the key as it is published. */
export interface IssuerKey {
  readonly algorithm: string
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
  readonly jwk: JWK
}

/** What a test changes of a token; a claim that is `undefined` is left out. */
interface TokenChanges {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Partial<JWTHeaderParameters>
  readonly key?: IssuerKey
}

/** An authorization server that signs JWT access tokens and publishes its keys and metadata. */
export interface TestIssuer {
  readonly url: string
  readonly jwksUrl: string
  /** The keys that it publishes; the first signs. */
  readonly keys: IssuerKey[]
  readonly recorder: BackendRecorder
  /** Its documents by path; a value that is a function answers by itself. */
  readonly documents: Map<string, unknown>
  /** How often its key set was asked for. */
  fetches(): number
  sign(changes?: TokenChanges): Promise<string>
  close(): Promise<void>
}

export const testAudience = 'https://api.example'

export async function makeKey(algorithm = 'ES256', kid: string | undefined = 'first'): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = {
    ...(await exportJWK(publicKey)),
    alg: algorithm,
    use: 'sig',
    ...(kid !== undefined && { kid }),
  }
  return { algorithm, privateKey, jwk }
}

/** Starts an issuer with one key. Times in its tokens count from the clock. */
export async function startIssuer(clock: () => number = Date.now): Promise<TestIssuer> {
  const recorder = await startBackendRecorder()
  const keys = [await makeKey()]
  const documents = new Map<string, unknown>([['/jwks', () => ({ keys: keys.map(({ jwk }) => jwk) })]])
  recorder.answer = (request, response) => {
    const document = documents.get(request.url ?? '')
    if (document === undefined) return sendJson(response, 404, { error: 'not_found' })
    sendJson(response, 200, typeof document === 'function' ? document() : document)
  }
  const { url } = recorder
  return {
    url,
    jwksUrl: `${url}/jwks`,
    keys,
    recorder,
    documents,
    fetches: () => recorder.requests.filter((request) => request.url === '/jwks').length,
    sign: ({ claims, header, key = keys[0] } = {}) => {
      if (key === undefined) throw new Error('the issuer has no key')
      return new SignJWT({ ...goodClaims(url, clock()), ...claims })
        .setProtectedHeader({
          alg: key.algorithm,
          typ: 'at+jwt',
          ...(key.jwk.kid !== undefined && { kid: key.jwk.kid }),
          ...header,
        })
        .sign(key.privateKey)
    },
    close: () => recorder.close(),
  }
}

function goodClaims(issuer: string, nowMs: number): Record<string, unknown> {
  const nowS = Math.floor(nowMs / 1_000)
  return {
    iss: issuer,
    aud: testAudience,
    sub: 'Tracks',
    client_id: 'Tracks',
    iat: nowS,
    exp: nowS + 3_600,
    jti: `${Math.random()}`,
    roles: ['USER'],
    scope: 'read',
  }
}
