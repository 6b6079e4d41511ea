import {
  type CryptoKey,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import { decoyJwksFor } from './decoy-jwks.ts'

/** RFC 7523 §2.2: what `client_assertion_type` must be. */
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What assertions may be signed by: asymmetric algorithms only, so that a public key is never taken for a secret. */
export const assertionAlgorithms = [
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
]

/** An assertion lives this long at most: its id is remembered until it expires. */
const maxLifetimeS = 300

/** How far a client's clock may be ahead where it says when the assertion was made. */
const clockToleranceS = 30

/** The media types that an assertion may give itself (RFC 7519 §5.1, and the update of RFC 7523). */
const typePattern = /^(?:application\/)?(?:jwt|client-authentication\+jwt)$/i

/** What an assertion is held against. */
export interface AssertionRules {
  readonly clientId: string
  /** The client's registered keys, a JWK Set as JSON; `null` for a client that has none. */
  readonly jwks: string | null
  /** The one audience. */
  readonly issuer: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** An assertion that its client has signed, and that may be used once. */
export interface ProvenAssertion {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Whom an assertion speaks of, before anything of it is proven; `undefined` where it cannot be read. */
export function claimedClient(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).iss
  } catch {
    return undefined
  }
}

/**
 * Verifies the assertion by which a client authenticates (RFC 7523 §3, RFC 9700 §2.5); `undefined` whatever is wrong with
 * it. Its audience is this issuer and nobody else, so that no other server that the client talks to can have had it made.
 * A key, or an address of one, that it brings along is never looked at. A client without a fitting key costs the same
 * verification, by a key that nobody has.
 */
export async function verifyAssertion(
  assertion: string,
  rules: AssertionRules,
): Promise<ProvenAssertion | undefined> {
  for (const key of await keysFor(assertion, rules.jwks)) {
    const payload = await verified(assertion, key, rules)
    if (payload !== undefined) return readClaims(payload, rules)
  }
  return undefined
}

async function keysFor(assertion: string, jwks: string | null): Promise<readonly CryptoKey[]> {
  const { alg = '', kid, typ = 'JWT' } = readHeader(assertion)
  if (!assertionAlgorithms.includes(alg) || !typePattern.test(typ)) return []
  const decoys = decoyJwksFor(alg)
  const keys = await fittingKeys(jwks ?? decoys, { alg, ...(jwks !== null && kid !== undefined && { kid }) })
  return keys.length === 0 ? fittingKeys(decoys, { alg }) : keys
}

async function fittingKeys(jwks: string, header: { alg: string; kid?: string }): Promise<CryptoKey[]> {
  try {
    return [await createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet)(header)]
  } catch (error) {
    // A client that names no key, and has several of the kind: each is tried.
    const keys: CryptoKey[] = []
    if (error instanceof errors.JWKSMultipleMatchingKeys) for await (const key of error) keys.push(key)
    return keys
  }
}

function readHeader(assertion: string): { alg?: string; kid?: string; typ?: string } {
  try {
    const { alg, kid, typ = 'JWT' } = decodeProtectedHeader(assertion)
    return typeof alg === 'string' && typeof typ === 'string' ? { alg, typ, ...(kid && { kid }) } : {}
  } catch {
    return {}
  }
}

async function verified(
  assertion: string,
  key: CryptoKey,
  { clientId, issuer, now }: AssertionRules,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(assertion, key, {
      algorithms: assertionAlgorithms,
      issuer: clientId,
      subject: clientId,
      audience: issuer,
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(now),
      clockTolerance: clockToleranceS,
    })
    return payload
  } catch {
    // A signature, a claim, or a key that does not go with the algorithm: it proves nothing.
    return undefined
  }
}

/** What the library does not hold: one audience, the times without a tolerance to gain from, and an id that is a text. */
function readClaims(
  { aud, exp = 0, iat, jti }: JWTPayload,
  { now }: AssertionRules,
): ProvenAssertion | undefined {
  const nowS = now / 1_000
  if (Array.isArray(aud) && aud.length !== 1) return undefined
  if (exp <= nowS || exp > nowS + maxLifetimeS) return undefined
  if (iat !== undefined && !isRecent(iat, nowS)) return undefined
  if (typeof jti !== 'string' || jti === '') return undefined
  return { id: jti, expiresAt: Math.ceil(exp * 1_000) }
}

function isRecent(iat: number, nowS: number): boolean {
  return iat <= nowS + clockToleranceS && iat >= nowS - maxLifetimeS - clockToleranceS
}
