import {
  type CryptoKey,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose'
import type { Clock } from '../clock.ts'
import type { JwtSettings } from '../config/settings.ts'
import type {
  IdentityProvider,
  ProviderConnection,
  RefusalListener,
  RefusalReason,
} from './identity-provider.ts'
import { KeySet, type KeySetListener, type PublishedKeys } from './key-set.ts'
import type { VerificationKey } from './key-set-document.ts'
import { isBoundToKey, MalformedAnswer, readAccessTokenClaims, type TokenMetadata } from './token-metadata.ts'

/** Longer tokens are not looked at: as much as a request may carry. */
const maxTokenLength = 4_096

/** How many keys are tried on a token that names none. */
const maxTriedKeys = 10

/** The media type of an access token, with or without `application/` and in any case (RFC 9068 §4, RFC 7515 §4.1.9). */
const typePattern = /^(?:application\/)?at\+jwt$/i

interface JwtContext {
  readonly connection: ProviderConnection
  readonly clock: Clock
  readonly listener: RefusalListener & KeySetListener
}

/** What of a token's header decides how it is verified. A key, or an address of one, that it brings along never does. */
interface TokenHeader {
  readonly algorithm: string
  readonly keyId: string | undefined
}

/**
 * Checks JWT access tokens here, by the issuer's published keys (RFC 9068 §4, RFC 8725 §3). The issuer is asked for its
 * keys only, and never about a token.
 */
export class JwtProvider implements IdentityProvider {
  readonly id: string
  readonly #settings: JwtSettings
  readonly #keySet: KeySet
  readonly #clock: Clock
  readonly #listener: RefusalListener

  constructor(settings: JwtSettings, context: JwtContext) {
    const { issuer, audience, jwks, algorithms } = settings
    // Whatever decides which tokens are good: what one provider let through says nothing of another.
    this.id = `jwt ${JSON.stringify([issuer, audience, jwks, algorithms])}`
    this.#settings = settings
    this.#keySet = new KeySet(settings, context)
    this.#clock = context.clock
    this.#listener = context.listener
  }

  /** Fetches the issuer's keys before the first token comes. */
  prefetchKeys(): void {
    this.#keySet.prefetch()
  }

  /** Whatever is wrong with a token is a definite no; only without keys to judge it by there is no answer. */
  async lookUp(token: string): Promise<TokenMetadata | undefined> {
    const header = this.#readHeader(token)
    const outcome = typeof header === 'string' ? header : await this.#verify(token, header)
    const metadata = typeof outcome === 'string' ? outcome : this.#readClaims(outcome)
    if (typeof metadata !== 'string') return metadata
    this.#listener.tokenRefused(metadata)
    return undefined
  }

  /** Looks at what costs nothing first, so that no key set is fetched for a token that cannot be good. */
  #readHeader(token: string): TokenHeader | RefusalReason {
    const header = decodeHeader(token)
    // No extension is understood here, and one that is marked critical must not be passed over (RFC 7515 §4.1.11).
    if (header === undefined || Object.hasOwn(header, 'crit')) return 'form'
    const { typ, alg, kid } = header
    if (typeof typ !== 'string' || !typePattern.test(typ)) return 'type'
    if (typeof alg !== 'string' || !this.#settings.algorithms.includes(alg)) return 'algorithm'
    if (kid !== undefined && typeof kid !== 'string') return 'form'
    return { algorithm: alg, keyId: kid }
  }

  async #verify(token: string, header: TokenHeader): Promise<JWTPayload | RefusalReason> {
    const known = await this.#keySet.current()
    const outcome = await this.#verifyByOneOf(known, token, header)
    if (!mayHaveNewKey(outcome, known, header)) return outcome
    const newer = await this.#keySet.newerThan(known)
    return newer === undefined ? outcome : this.#verifyByOneOf(newer, token, header)
  }

  async #verifyByOneOf(
    { keys }: PublishedKeys,
    token: string,
    header: TokenHeader,
  ): Promise<JWTPayload | RefusalReason> {
    const fitting = keys.filter((key) => fits(key, header)).slice(0, maxTriedKeys)
    let outcome: JWTPayload | RefusalReason = 'key'
    for (const { key } of fitting) {
      outcome = await this.#verifyBy(key, token)
      if (outcome !== 'signature') return outcome
    }
    return outcome
  }

  async #verifyBy(key: CryptoKey, token: string): Promise<JWTPayload | RefusalReason> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...this.#settings.algorithms],
        issuer: this.#settings.issuer,
        audience: this.#settings.audience,
        requiredClaims: ['exp', 'sub', 'client_id'],
        clockTolerance: this.#settings.clockToleranceMs / 1_000,
        currentDate: new Date(this.#clock()),
      })
      return payload
    } catch (error) {
      // These errors hold the token's claims: they go no further.
      if (error instanceof errors.JOSEError) return reasonOf(error)
      throw error
    }
  }

  #readClaims(payload: JWTPayload): TokenMetadata | RefusalReason {
    // A proof of possession is not checked here, and without one the token is not good (RFC 7800, RFC 9449 §7.2).
    if (isBoundToKey(payload)) return 'bound'
    try {
      const metadata = readAccessTokenClaims(payload)
      const nowMs = this.#clock()
      // The tolerance is for clocks that run behind; it makes no token live longer than its issuer said.
      if (metadata.expiresAtMs <= nowMs) return 'expired'
      if ((metadata.issuedAtMs ?? 0) > nowMs + this.#settings.clockToleranceMs) return 'not-yet-valid'
      return metadata
    } catch (error) {
      if (error instanceof MalformedAnswer) return 'claims'
      throw error
    }
  }
}

/**
 * The header of a token in its one canonical spelling. Base64url has several spellings of the same bytes, and the
 * signature is not itself signed: a token that was revoked must not come back in another one.
 */
function decodeHeader(token: string): ProtectedHeaderParameters | undefined {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  if (
    token.length > maxTokenLength ||
    Buffer.from(signature, 'base64url').toString('base64url') !== signature
  )
    return undefined
  try {
    return decodeProtectedHeader(token)
  } catch {
    return undefined
  }
}

/** A key without a name may be the one that a token names, and a token without a name may be by any key. */
function fits({ algorithm, id }: VerificationKey, header: TokenHeader): boolean {
  const isNamedSo = id === undefined || header.keyId === undefined || id === header.keyId
  return algorithm === header.algorithm && isNamedSo
}

/** Whether a key that is not known yet may have signed. A bad signature by the very key that is named is final. */
function mayHaveNewKey(
  outcome: JWTPayload | RefusalReason,
  { keys }: PublishedKeys,
  { keyId, algorithm }: TokenHeader,
): boolean {
  if (outcome === 'key') return true
  const isKnown = keyId !== undefined && keys.some((key) => key.id === keyId && key.algorithm === algorithm)
  return outcome === 'signature' && !isKnown
}

function reasonOf(error: errors.JOSEError): RefusalReason {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWTExpired) return 'expired'
  if (!(error instanceof errors.JWTClaimValidationFailed)) return 'form'
  switch (error.claim) {
    case 'iss':
      return 'issuer'
    case 'aud':
      return 'audience'
    case 'nbf':
      return 'not-yet-valid'
    default:
      return 'claims'
  }
}
