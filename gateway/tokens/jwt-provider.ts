import { decodeProtectedHeader, errors, type JWTPayload, type ProtectedHeaderParameters } from 'jose'
import type { Clock } from '../clock.ts'
import type { JwtSettings } from '../config/settings.ts'
import type {
  IdentityProvider,
  ProviderConnection,
  RefusalListener,
  RefusalReason,
} from './identity-provider.ts'
import { KeySet, type KeySetListener } from './key-set.ts'
import { type SignatureHeader, verifyByPublishedKey } from './published-signature.ts'
import { isBoundToKey, MalformedAnswer, readAccessTokenClaims, type TokenMetadata } from './token-metadata.ts'

/** Longer tokens are not looked at: as much as a request may carry. */
const maxTokenLength = 4_096

/** The media type of an access token, with or without `application/` and in any case (RFC 9068 §4, RFC 7515 §4.1.9). */
const typePattern = /^(?:application\/)?at\+jwt$/i

interface JwtContext {
  readonly connection: ProviderConnection
  readonly clock: Clock
  readonly listener: RefusalListener & KeySetListener
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
  #readHeader(token: string): SignatureHeader | RefusalReason {
    const header = decodeHeader(token)
    // No extension is understood here, and one that is marked critical must not be passed over (RFC 7515 §4.1.11).
    if (header === undefined || Object.hasOwn(header, 'crit')) return 'form'
    const { typ, alg, kid } = header
    if (typeof typ !== 'string' || !typePattern.test(typ)) return 'type'
    if (typeof alg !== 'string' || !this.#settings.algorithms.includes(alg)) return 'algorithm'
    if (kid !== undefined && typeof kid !== 'string') return 'form'
    return { algorithm: alg, keyId: kid }
  }

  async #verify(token: string, header: SignatureHeader): Promise<JWTPayload | RefusalReason> {
    const { algorithms, issuer, audience, clockToleranceMs } = this.#settings
    const options = {
      algorithms: [...algorithms],
      issuer,
      audience,
      requiredClaims: ['exp', 'sub', 'client_id'],
      clockTolerance: clockToleranceMs / 1_000,
      currentDate: new Date(this.#clock()),
    }
    try {
      return await verifyByPublishedKey(this.#keySet, { token, header, options })
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

function reasonOf(error: errors.JOSEError): RefusalReason {
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
